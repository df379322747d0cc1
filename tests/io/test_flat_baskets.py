"""Numbers read straight out of baskets are those that uproot reads, and where that cannot be, uproot reads them."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.io.flat_baskets import flat_values

TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64", "bool"]
SIZES = (1, 700, 0, 30, 5000)


def write(path, compression, sizes=SIZES):
    rng = np.random.default_rng(1)
    with uproot.recreate(path, compression=compression) as file:
        file.mktree("t", {name: np.dtype(name) for name in TYPES} | {"pair": np.dtype(("float32", (2,))), "list": "var * float32"})
        for n in sizes:
            numbers = {name: rng.integers(0, 2 if name == "bool" else 100, n).astype(name) for name in TYPES}
            file["t"].extend(numbers | {"pair": rng.normal(size=(n, 2)).astype("float32"), "list": ak.unflatten(np.ones(n, np.float32), np.ones(n, int))})
    return uproot.open(path)["t"]


COMPRESSIONS = pytest.mark.parametrize("compression", [None, uproot.ZLIB(1), uproot.ZSTD(3), uproot.LZ4(4), uproot.LZMA(1)], ids=["none", "zlib", "zstd", "lz4", "lzma"])


@COMPRESSIONS
def test_numbers_are_those_of_uproot_in_any_range(tmp_path, compression):
    tree = write(tmp_path / "a.root", compression)
    for name in TYPES:
        whole = tree[name].array(library="np")
        assert len(whole) == 5731
        for start, stop in [(0, 5731), (0, 1), (1, 701), (700, 702), (650, 5731), (5730, 5731), (20, 20), (5731, 5731)]:
            found = flat_values(tree[name], start, stop)
            assert found is not None and found.dtype == whole.dtype and found.dtype.isnative and np.array_equal(found, whole[start:stop])


def test_a_basket_of_several_blocks_is_joined(tmp_path):
    # A block holds 16 MB at most.
    with uproot.recreate(tmp_path / "a.root", compression=uproot.ZSTD(1)) as file:
        file.mktree("t", {"x": "float64"})
        file["t"].extend({"x": np.arange(2_500_000.0)})
    found = flat_values(uproot.open(tmp_path / "a.root")["t"]["x"], 2_000_000, 2_500_000)
    assert found is not None and np.array_equal(found, np.arange(2_000_000.0, 2_500_000.0))


def test_what_is_of_another_kind_is_left_to_uproot(tmp_path):
    tree = write(tmp_path / "b.root", uproot.ZLIB(1))
    assert flat_values(tree["pair"], 0, 10) is None and flat_values(tree["list"], 0, 10) is None
    with uproot.recreate(tmp_path / "c.root") as file:
        file.mkrntuple("n", {"x": np.arange(5)})
    assert flat_values(uproot.open(tmp_path / "c.root")["n"]["x"], 0, 5) is None


@COMPRESSIONS
def test_a_basket_whose_key_or_block_is_not_right_is_left_to_uproot(tmp_path, compression):
    path = tmp_path / "a.root"
    branch = write(path, compression)["int32"]
    seek, size = (int(branch.member(name)[4]) for name in ("fBasketSeek", "fBasketBytes"))
    key = int.from_bytes(path.read_bytes()[seek + 14 : seek + 16], "big")
    whole = path.read_bytes()
    # Bytes in all, of the data, of the key; entries' end; the block's algorithm and sizes; of LZ4 checksum and data.
    for place in [3, 9, 15, key - 2, *([] if compression is None else [key, key + 3, key + 6]), *([key + 9, key + 60] if isinstance(compression, uproot.LZ4) else [])]:
        damaged = bytearray(whole)
        damaged[seek + place] ^= 1
        path.write_bytes(damaged)
        assert flat_values(branch, 0, 731) is not None
        assert flat_values(branch, 0, 732) is None, place
    path.write_bytes(whole[: seek + size // 2])
    assert flat_values(branch, 0, 732) is None
