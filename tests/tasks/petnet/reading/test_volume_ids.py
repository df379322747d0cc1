"""Names of GATE 10's volumes as numbers, against a parser in plain Python."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.io.arrays import to_text
from pphysml.io.ragged import Ragged, concatenate
from pphysml.io.reader import Reader
from pphysml.io.schema import Field, Layout
from pphysml.io.sources import Source
from pphysml.tasks.petnet.reading.volume_ids import LEVELS, volume_columns


def texts(*names: str) -> Ragged:
    return to_text(ak.Array(list(names)))


def parsed(name: str) -> list[int]:
    """The last copy numbers, innermost first, without the world's."""
    numbers = [int(n) for n in name.rpartition("-")[2].split("_")][1:]
    return [*reversed(numbers), -1, -1, -1, -1][:4]


@pytest.fixture(scope="module")
def names() -> list[str]:
    rng = np.random.default_rng(3)
    heads = ["crystal", "crystal_rep_12", "my-crystal_rep_0", "LSO 4", "Kristall_é"]
    return [f"{rng.choice(heads)}-" + "_".join(str(n) for n in [0, *rng.integers(0, 10 ** rng.integers(1, 7), rng.integers(0, 7))])
            for _ in range(500)]


def test_innermost_numbers(names) -> None:
    columns = volume_columns(texts(*names))
    read = np.stack([np.asarray(columns[level]) for level in LEVELS], axis=1)
    assert read.dtype == np.int32
    np.testing.assert_array_equal(read, [parsed(name) for name in names])


def test_levels_are_named_by_who_knows_the_geometry() -> None:
    columns = volume_columns(texts("layer-0_0_7_3_1"), ("layer_id", "crystal_id", "rsector_id"))
    assert {name: int(column[0]) for name, column in columns.items() if name != "volume_key"} == {"layer_id": 1, "crystal_id": 3, "rsector_id": 7}


@pytest.mark.parametrize("name", ["undefined", "", "-", "crystal-", "crystal-0_", "crystal-_1", "crystal-0__1", "crystal-0_a", "0_1_2", "crystal-0_1 ", "crystal-0_99999999999"])
def test_names_without_copy_numbers_have_no_ids(name) -> None:
    columns = volume_columns(texts("crystal-0_1", name))
    assert [int(columns[level][1]) for level in LEVELS] == [-1] * 4
    assert columns["crystal_id"][0] == 1 and columns["volume_key"][0] != columns["volume_key"][1]


def test_keys_tell_volumes_apart_and_depend_on_the_name_alone(names) -> None:
    many = sorted({*names, *(f"crystal_rep_{c}-0_{r}_{m}_{c}" for r in range(30) for m in range(20) for c in range(50))})
    key = np.asarray(volume_columns(texts(*many))["volume_key"])
    assert key.dtype == np.int64 and (key >= 0).all() and len(np.unique(key)) == len(many)
    again = np.asarray(volume_columns(texts(*many[::-1], many[0]))["volume_key"])
    np.testing.assert_array_equal(again[:-1], key[::-1])
    assert again[-1] == key[0]
    # The reference value of FNV-1a for "a" is af63dc4c8601ec8c; the key is half of what splitmix64 makes of it.
    assert int(volume_columns(texts("a"))["volume_key"][0]) == splitmix(0xAF63DC4C8601EC8C) >> 1


def splitmix(z: int) -> int:
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_none_at_all() -> None:
    assert all(len(column) == 0 for column in volume_columns(Ragged.from_rows([], np.uint8)).values())


@pytest.mark.parametrize("block_size", [1, 7, 1000])
def test_from_a_file(names, block_size, tmp_path: Path) -> None:
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("Singles", {"PreStepUniqueVolumeID": "string"}).extend({"PreStepUniqueVolumeID": ak.Array(names[:20])})
    layout = Layout("singles", "Singles.", (Field("volume", "event", "text", "Volume.", aliases=("PreStepUniqueVolumeID",), required=True),))
    blocks = [volume_columns(b["volume"]) for b in Reader([Source(str(tmp_path / "a.root"))], [layout], block_size=block_size)]  # type: ignore[arg-type]
    whole = volume_columns(texts(*names[:20]))
    for name, column in concatenate(blocks).items():
        np.testing.assert_array_equal(column, whole[name])
