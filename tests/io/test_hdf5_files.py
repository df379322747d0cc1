"""Tables of HDF5 files: values, lists without their padding, and files that cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from pphysml.errors import ConfigError, InputError
from pphysml.io import hdf5_files
from pphysml.io.files import open_file
from pphysml.io.inspection import inspect
from pphysml.io.ragged import Array, Ragged, concatenate
from pphysml.io.reader import Reader
from pphysml.io.schema import Field, Layout
from pphysml.io.sources import Source, resolve
from pphysml.io.validation import validate

JETS = Layout("jets", "Jets.", (
    Field("pt", "event", "float32", "Momentum.", "GeV", required=True, minimum=0, alias_units={"pt": "MeV"}),
    Field("label", "event", "int32", "Class.")), trees=("jets",), missing=float("nan"), file_kind="HDF5")
LISTS = {"tracks.d0": Field("tracks.d0", "any", "", "Distance."), "score": Field("score", "any", "", "Score.")}


def jets(n: int) -> Array:
    rng = np.random.default_rng(n)
    rows = np.zeros(n, [("pt", "<f4"), ("score", "<f2"), ("label", ">i4"), ("name", "S6"), ("sigma", "<f4", (2,)), ("flag", "?")])
    rows["pt"], rows["score"], rows["label"] = rng.uniform(2e4, 4e5, n), rng.normal(size=n), rng.integers(0, 16, n)
    rows["name"], rows["sigma"], rows["flag"] = [f"j{k}".encode() for k in range(n)], rng.normal(size=(n, 2)), rng.random(n) > 0.5
    return rows


def tracks(n: int) -> Array:
    rng = np.random.default_rng(n + 1)
    rows = np.zeros((n, 5), [("d0", "<f4"), ("hits", "u1"), ("both", "<f4", (2,)), ("valid", "?")])
    rows["d0"], rows["hits"] = rng.normal(size=(n, 5)), rng.integers(0, 9, (n, 5))
    # Holes between real tracks, too, as in files that were filtered.
    rows["valid"] = rng.random((n, 5)) > 0.4
    rows["d0"][~rows["valid"]] = np.nan
    return rows


def write(path: Path, n: int = 50, **options: Any) -> Path:
    with h5py.File(path, "w") as file:
        longest = (None,) if "chunks" in options else (n,)
        file.create_dataset("jets", data=jets(n), maxshape=longest, **options)
        file.create_dataset("tracks", data=tracks(n), maxshape=(*longest, 5), **({**options, "chunks": (*options["chunks"], 5)} if "chunks" in options else options))
        file.create_group("cuts").create_dataset("counts", data=np.zeros(3, [("count", "<i8")]))
    return path


def expected(n: int, start: int, stop: int) -> list[list[float]]:
    rows = tracks(n)[start:stop]
    return [[float(track["d0"]) for track in jet if track["valid"]] for jet in rows]


def lists(column: Any) -> list[list[float]]:
    assert isinstance(column, Ragged)
    return [column.flat[low:high].tolist() for low, high in zip(column.offsets[:-1], column.offsets[1:], strict=True)]


@pytest.mark.parametrize("most", [2**28, 100])
@pytest.mark.parametrize("options", [{}, {"chunks": (7,)}, {"chunks": (16,), "compression": "gzip"}, {"chunks": (50,), "compression": "lzf"}], ids=str)
def test_rows_are_those_that_were_written(options, most, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(hdf5_files, "MAX_BYTES", most)
    rows = jets(50)
    with open_file(str(write(tmp_path / "a.h5", **options))) as file:
        assert file.tree_names() == {"jets": "table"} and file.class_names()["cuts/counts"] == "Dataset"
        tree = file.tree("jets")
        assert tree.branches() == [*rows.dtype.names, "tracks.d0", "tracks.hits", "tracks.both", "tracks.valid"]
        for start, stop in ((0, 0), (0, 50), (3, 4), (6, 15), (14, 50), (0, 7), (49, 50)):
            for name in ("pt", "score", "label", "sigma", "flag"):
                read = tree.read(name, start, stop)
                assert isinstance(read, np.ndarray) and read.dtype.isnative and read.dtype.kind == rows[name].dtype.kind
                np.testing.assert_array_equal(read, rows[name][start:stop])
                read[...] = 0  # whoever reads may change what was read
            assert lists(tree.read("tracks.d0", start, stop)) == expected(50, start, stop)
            names = tree.read("name", start, stop, text=True)
            assert isinstance(names, Ragged) and bytes(names.flat).decode() == "".join(f"j{k}" for k in range(start, stop))


def test_blocks_have_units_lists_and_whatever_is_not_a_number(tmp_path) -> None:
    path = write(tmp_path / "a.h5", 50, chunks=(16,))
    with h5py.File(path, "r+") as file:
        rows = file["jets"][:]
        rows["score"][7] = np.nan
        file["jets"][:] = rows
    reader = Reader(resolve([f"{path}:jets"]), [JETS], block_size=9, extra=LISTS)
    read = concatenate(list(reader))
    np.testing.assert_allclose(read["pt"], rows["pt"] / 1000, rtol=1e-6)
    np.testing.assert_array_equal(read["score"], rows["score"])
    np.testing.assert_array_equal(read["label"], rows["label"])
    assert lists(read["tracks.d0"]) == expected(50, 0, 50)
    reader.close()
    assert validate([Source(str(path))], [JETS], extra=LISTS) == []
    rows["pt"][11] = np.nan
    with h5py.File(path, "r+") as file:
        file["jets"][:] = rows
    with pytest.raises(InputError, match="branch 'pt', entry 11: value nan is not finite"):
        list(Reader([Source(str(path))], [JETS]))


def test_each_chunk_is_decoded_once(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "a.h5", 64, chunks=(16,), compression="gzip")
    ranges: list[tuple[str, int, int]] = []
    inner = hdf5_files._whole_chunks

    def counted(dataset: Any, start: int, stop: int) -> tuple[int, int]:
        first, last = inner(dataset, start, stop)
        ranges.append((dataset.name, first, last))
        return first, last

    monkeypatch.setattr(hdf5_files, "_whole_chunks", counted)
    list(Reader([Source(str(path))], [JETS], block_size=8, extra=LISTS))
    assert sorted(ranges) == [(name, first, first + 16) for name in ("/jets", "/tracks") for first in range(0, 64, 16)]


def test_chunks_that_are_too_large_to_hold_are_not_held(tmp_path, monkeypatch) -> None:
    with h5py.File(write(tmp_path / "a.h5", 64, chunks=(32,)), "r") as file:
        row = jets(1).dtype.itemsize
        for most, expected in ((64 * row, (0, 64)), (64 * row - 1, (30, 34))):
            monkeypatch.setattr(hdf5_files, "MAX_BYTES", most)
            assert hdf5_files._whole_chunks(file["jets"], 30, 34) == expected


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("options", [{}, {"chunks": (16,), "compression": "gzip"}], ids=str)
def test_none_and_one(n, options, tmp_path) -> None:
    path = write(tmp_path / "a.h5", n, **options)
    reader = Reader([Source(str(path))], [JETS], extra=LISTS)
    assert reader.n_entries == n and sum(len(block["pt"]) for block in reader) == n


def test_inspection_knows_types_and_layouts(tmp_path) -> None:
    facts = inspect(str(write(tmp_path / "a.h5", chunks=(16,), compression="gzip")), {"jets": [JETS], "others": [Layout("flat", "Rows.", ())]})
    (tree,) = facts["trees"]
    assert (tree["name"], tree["kind"], tree["entries"]) == ("jets", "table", 50) and facts["problems"] == [] and facts["metadata"] is None
    branches = {branch["name"]: branch for branch in tree["branches"]}
    assert branches["score"]["type"] == "float16" and branches["tracks.d0"]["type"] == "float32[]" and branches["pt"]["compression"] == "gzip(4)"
    assert facts["tasks"] == {"jets": {"jets": []}} and facts["layouts"] == {"jets": "jets"}


def test_inspection_names_filters_that_are_not_installed(tmp_path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name, options in {"none": {}, "both": {"shuffle": True, "fletcher32": True, "compression": "lzf"}, "strange": {"compression": 32999, "allow_unknown_filter": True}}.items():
            file.create_dataset(name, (4,), jets(4).dtype, chunks=(4,), **options)
    found = {tree["name"]: tree["branches"][0]["compression"] for tree in inspect(str(path))["trees"]}
    assert found["none"] == "none" and found["both"] == "lzf" and found["strange"] not in ("none", "unknown")


def _without_tail(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-500])


def _with_other_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:8] + os.urandom(200) + path.read_bytes()[208:])


def _signature_alone(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:8])


def _with_other_bytes(path: Path) -> None:
    with h5py.File(path, "r") as file:
        chunk = file["jets"].id.get_chunk_info(1)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)


def _changed(change: Any) -> Any:
    def make(path: Path) -> None:
        with h5py.File(path, "r+") as file:
            change(file)

    return make


def _shorter_lists(file: Any) -> None:
    del file["tracks"]
    file["tracks"] = tracks(50)[:20]


def _group_of_columns(file: Any) -> None:
    del file["jets"], file["tracks"]
    file["jets/pt"] = np.ones(5)


def _numbers_without_names(file: Any) -> None:
    del file["jets"]
    file["jets"] = np.ones((50, 3))


def _another_table(file: Any) -> None:
    file["events"] = file["jets"][:3]
    del file["jets"]


def _parts_elsewhere(file: Any) -> None:
    del file["jets"]
    layout = h5py.VirtualLayout((50,), jets(50).dtype)
    layout[:] = h5py.VirtualSource("elsewhere.h5", "jets", (50,))
    file.create_virtual_dataset("jets", layout)


@pytest.mark.parametrize(("change", "reason"), [
    (_without_tail, "a.h5: is cut short"), (_with_other_header, "a.h5: cannot be read as HDF5"), (_signature_alone, "a.h5: cannot be read as HDF5"),
    (_with_other_bytes, r"tree 'jets', branch 'pt': entries 16 to 31 cannot be read as HDF5"),
    (_changed(_shorter_lists), "branch 'tracks.d0': has 20 entries, but its tree has 50"), (_changed(_group_of_columns), "no tree in it, but Dataset, Group; give a file with a table"),
    (_changed(_numbers_without_names), "no table|no tree"), (_changed(_another_table), "tree 'events', branch 'tracks.d0': has 50 entries, but its tree has 3"), (_changed(_parts_elsewhere), "'elsewhere.h5' is not there"),
    (lambda path: path.write_bytes(b"\x89HD"), "not a readable ROOT or HDF5 file")])
def test_what_cannot_be_read_is_said_with_its_place(change, reason, tmp_path) -> None:
    path = write(tmp_path / "a.h5", chunks=(16,), compression="gzip")
    change(path)
    with pytest.raises(InputError, match=reason) as caught:
        list(Reader([Source(str(path))], [JETS], block_size=16, extra=LISTS))
    assert str(path) in str(caught.value)
    assert [problem.message for problem in validate([Source(str(path))], [JETS], extra=LISTS)]


@pytest.mark.parametrize(("tree", "reason"), [("jet", r"no table 'jet'\. Did you mean 'jets'"), ("tracks", "'tracks' is a Dataset, but not a table"), ("cuts", "'cuts' is a Group")])
def test_a_tree_that_is_none_is_refused(tree, reason, tmp_path) -> None:
    with pytest.raises(InputError, match=reason):
        Reader([Source(str(write(tmp_path / "a.h5")), tree)], [JETS])


@pytest.mark.parametrize("branch", ["name", "tracks.both"])
def test_what_is_no_number_is_refused_by_its_type(branch, tmp_path) -> None:
    with pytest.raises(InputError, match=rf"branch '{branch}': holds .*, not numbers"):
        Reader([Source(str(write(tmp_path / "a.h5")))], [JETS], extra={branch: Field(branch, "any", "", "Odd.")})


def test_parts_in_another_file_beside_it_are_read(tmp_path, monkeypatch) -> None:
    write(tmp_path / "elsewhere.h5")
    path = write(tmp_path / "a.h5")
    _changed(_parts_elsewhere)(path)
    monkeypatch.chdir("/")
    np.testing.assert_array_equal(concatenate(list(Reader([Source(str(path))], [JETS])))["label"], jets(50)["label"])


def test_layouts_are_of_one_kind_of_file(tmp_path, layout, event_columns, write_root) -> None:
    root, h5 = write_root(tmp_path / "a.root", event_columns(3)), str(write(tmp_path / "a.h5"))
    with pytest.raises(InputError, match=r"a.h5: is of the kind HDF5, but files of the kind ROOT"):
        Reader([Source(h5)], [layout])
    with pytest.raises(InputError, match=r"a.root: is of the kind ROOT, but files of the kind HDF5"):
        Reader([Source(root)], [JETS])
    with pytest.raises(InputError, match=r"a.root: is of the kind ROOT"):
        Reader([Source(h5), Source(root)], [layout, JETS])


def test_the_package_is_named_where_it_is_not_installed(tmp_path, monkeypatch) -> None:
    path = write(tmp_path / "a.h5")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match=r"pip install pphysml\[h5\]"):
        Reader([Source(str(path))], [JETS])


def test_reading_root_files_does_not_import_it(tmp_path, event_columns, write_root) -> None:
    path = write_root(tmp_path / "a.root", event_columns(3))
    code = f"import sys; from pphysml.io.inspection import inspect; inspect({path!r}); assert 'h5py' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
