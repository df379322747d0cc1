"""Text branches: bytes as in the file, and refused wherever numbers are wanted."""

from __future__ import annotations

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import InputError
from pphysml.io.arrays import to_text
from pphysml.io.inspection import inspect
from pphysml.io.ragged import Ragged, concatenate
from pphysml.io.reader import Reader
from pphysml.io.root_files import Tree, open_file
from pphysml.io.schema import Field, Layout
from pphysml.io.sources import Source
from pphysml.io.validation import validate

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
    with pytest.raises(InputError, match=r"'VolumeID': holds .*, not numbers"):
        Reader([Source(path)], [LAYOUT], keep=["VolumeID"])
    with pytest.raises(InputError, match=r"'time': holds double, not one text per entry"):
        Reader([Source(path)], [LAYOUT], mapping={"volume": "time"})
    with pytest.raises(InputError, match=r"'VolumeID': holds .*, not numbers"):
        Reader([Source(path)], [LAYOUT], mapping={"time": "VolumeID"})


def test_what_was_read_as_text_is_not_handed_out_as_numbers(path) -> None:
    with open_file(path) as file:
        tree = Tree.of(file, path, "t")
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
