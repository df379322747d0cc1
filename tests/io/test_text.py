"""Text branches: bytes as in the file, and refused wherever numbers are wanted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError, InputError
from pphysml.io.arrays import to_text
from pphysml.io.files import open_file
from pphysml.io.inspection import inspect
from pphysml.io.ragged import Ragged, concatenate
from pphysml.io.reader import Reader
from pphysml.io.schema import KEEP, KEEP_TEXT, Field, Layout
from pphysml.io.sources import Source
from pphysml.io.validation import validate
from pphysml.io.writer import Writer

NAMES = ["crystal-0_0_3", "", "Kristall_é-0_1", "a" * 300, "crystal_rep_12-0_0_3_12", "-", "x"]
LAYOUT = Layout(name="named", help="Named hits.", fields=(
    Field("volume", "event", "text", "Volume.", required=True, aliases=("VolumeID",)),
    Field("time", "event", "float64", "Time.", unit="s"),
))


def texts(column) -> list[str]:
    assert isinstance(column, Ragged) and column.flat.dtype == np.uint8 and column.offsets[0] == 0
    return [bytes(column[i]).decode() for i in range(len(column))]


@pytest.fixture(params=["TTree", "RNTuple"])
def path(request, tmp_path: Path) -> str:
    columns = {"VolumeID": ak.Array(NAMES), "time": np.arange(len(NAMES), dtype=np.float64)}
    with uproot.recreate(tmp_path / "a.root") as file:
        if request.param == "TTree":
            tree = file.mktree("t", {"VolumeID": "string", "time": np.float64})
            for start in range(0, len(NAMES), 3):
                tree.extend({n: c[start : start + 3] for n, c in columns.items()})
        else:
            file.mkrntuple("t", columns)
    return str(tmp_path / "a.root")


@pytest.mark.parametrize("block_size", [1, 2, 100])
def test_texts_are_bytes(path, block_size) -> None:
    read = concatenate(list(Reader([Source(path)], [LAYOUT], block_size=block_size)))
    assert texts(read["volume"]) == NAMES
    np.testing.assert_array_equal(read["time"], np.arange(len(NAMES)))


def test_a_text_is_no_number_and_a_number_no_text(path) -> None:
    with pytest.raises(InputError, match=r"'time': holds double, not one text per entry"):
        Reader([Source(path)], [LAYOUT], mapping={"volume": "time"})
    with pytest.raises(InputError, match=r"'VolumeID': holds .*, not numbers"):
        Reader([Source(path)], [LAYOUT], mapping={"time": "VolumeID"})


def test_what_was_read_as_text_is_not_handed_out_as_numbers(path) -> None:
    with open_file(path) as file:
        tree = file.tree("t")
        assert texts(tree.read("VolumeID", 1, 2, text=True)) == NAMES[1:2]
        with pytest.raises(InputError, match="not numbers"):
            tree.read("VolumeID", 1, 2)


def test_validate_and_inspect_know_text(path) -> None:
    assert validate([Source(path)], [LAYOUT]) == []
    types = {branch["name"]: branch["type"] for branch in inspect(path)["trees"][0]["branches"]}
    assert types["VolumeID"] in ("char*", "std::string")


def test_characters_of_fixed_length_end_at_the_first_zero(tmp_path) -> None:
    characters = np.zeros((4, 6), dtype=np.int8)
    for row, word in zip(characters, (b"abc", b"", b"abcdef", b"a\0b"), strict=True):
        row[: len(word)] = np.frombuffer(word, dtype=np.int8)
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("t", {"VolumeID": np.dtype(("i1", (6,)))}).extend({"VolumeID": characters})
    read = concatenate(list(Reader([Source(str(tmp_path / "a.root"))], [LAYOUT])))
    assert texts(read["volume"]) == ["abc", "", "abcdef", "a"]


@pytest.mark.parametrize("array", [
    ak.Array([["a", "b"], []]), ak.Array([[1, 2], []]), ak.Array([1.0]), ak.Array([{"x": "a"}]), np.zeros((2, 3)),
])
def test_only_one_text_per_entry_is_text(array) -> None:
    with pytest.raises(TypeError):
        to_text(array)


def test_texts_after_a_mask() -> None:
    array = ak.Array(NAMES)
    for selected in (array[2:], array[[True, False] * 3 + [True]], array[[4, 0]], array[:0]):
        assert texts(to_text(selected)) == selected.to_list()


def test_kept_texts_are_written_as_they_were(path, tmp_path) -> None:
    """Through our own reader and writer twice, in pieces that do not fit each other, with their checksums."""
    raw = ["plain", "", "\xe9", "a" * 300, "line\nend", "null\0inside", "\x1b["]
    for generation, block_size in enumerate((2, 3)):
        reader = Reader([Source(path)], [LAYOUT], keep=["VolumeID"] if generation == 0 else ["VolumeID", "raw"], block_size=block_size)
        path = str(tmp_path / f"{generation}.root")
        with Writer(path, "t", LAYOUT.fields[1:], metadata={}) as writer:
            for number, columns in enumerate(reader):
                rows = {name: column for name, column in columns.items() if name != "volume"}
                if generation == 0:
                    part = [text.encode("latin-1") for text in raw][number * block_size : (number + 1) * block_size]
                    rows[f"{KEEP_TEXT}raw"] = Ragged.from_rows([list(text) for text in part], np.uint8)
                writer.extend(rows)
        assert validate([Source(path)], [replace(LAYOUT, fields=(LAYOUT.fields[1],))]) == []
    with open_file(path) as file:
        tree = file.tree("t")
        assert texts(tree.read("VolumeID", 0, len(NAMES), text=True)) == NAMES
        found = tree.read("raw", 0, len(raw), text=True)
        assert isinstance(found, Ragged) and [bytes(found[i]).decode("latin-1") for i in range(len(raw))] == raw
    with uproot.open(path) as file:
        assert list(file["t/VolumeID"].array(library="np")) == NAMES


def test_a_changed_kept_text_is_found(path, tmp_path) -> None:
    out = tmp_path / "out.root"
    with Writer(out, "t", LAYOUT.fields[1:], metadata={}, compression=None) as writer:
        for columns in Reader([Source(path)], [LAYOUT], keep=["VolumeID"]):
            writer.extend({name: column for name, column in columns.items() if name != "volume"})
    content = out.read_bytes()
    assert content.count(b"Kristall") == 1
    out.write_bytes(content.replace(b"Kristall", b"Xristall"))
    (problem,) = validate([Source(str(out))], [replace(LAYOUT, fields=(LAYOUT.fields[1],))])
    assert problem.branch == "VolumeID" and "not what was written" in problem.message


def test_a_branch_that_is_text_in_one_file_and_numbers_in_another_cannot_be_kept(path, tmp_path) -> None:
    with uproot.recreate(tmp_path / "b.root") as file:
        file.mktree("t", {"VolumeID": "int32", "volume": "string", "time": "float64"}).extend(
            {"VolumeID": np.arange(2, dtype=np.int32), "volume": ak.Array(["a", "b"]), "time": np.arange(2.0)})
    with pytest.raises(InputError, match="holds int32, but text in"):
        Reader([Source(path), Source(str(tmp_path / "b.root"))], [LAYOUT], keep=["VolumeID"])


@pytest.mark.parametrize(("values", "name", "written"), [
    (np.arange(3, dtype=np.float16), "half", "half"), (np.array([True, False, True]), "flag", "flag"), (np.arange(3), "br[2]", "br_2_"),
    (np.arange(3), "a/b", "a.b"), (ak.Array([[1, 2], [], [3]]), "\x1b[31m", "\x1b_31m"),
])
def test_kept_branches_of_any_type_and_name_can_be_read_again(values, name, written, tmp_path) -> None:
    out = str(tmp_path / "out.root")
    kept = Ragged.from_rows([[1, 2], [], [3]], np.int64) if isinstance(values, ak.Array) else values
    with Writer(out, "t", [], metadata={}) as writer:
        writer.extend({"entry": np.arange(3), f"{KEEP}{name}": kept})
    with open_file(out) as file:
        tree = file.tree("t")
        column = tree.read(written, 0, 3)
        expected = np.asarray(ak.flatten(values, axis=None))
        assert np.array_equal(column.flat if isinstance(column, Ragged) else column, expected)


def test_a_name_that_no_tree_can_hold_is_refused_before_anything_is_written(tmp_path) -> None:
    for name in ("", "x" * 40_000):
        with pytest.raises(ConfigError, match="no branch of the output can have that name"), Writer(tmp_path / "o.root", "t", [], metadata={}) as writer:
            writer.extend({"entry": np.arange(3), f"{KEEP}{name}": np.arange(3)})
        assert not list(tmp_path.iterdir())
