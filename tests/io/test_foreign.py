"""What others have written: odd names, kinds and types are read, or refused in a sentence that names the place."""

from __future__ import annotations

import os
import struct
from dataclasses import replace
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from pphysml.errors import InputError
from pphysml.io.files import open_file
from pphysml.io.foreign import reading
from pphysml.io.inspection import inspect
from pphysml.io.ragged import Ragged
from pphysml.io.reader import Reader
from pphysml.io.root_files import RootFile
from pphysml.io.sources import Source
from pphysml.io.trees import InputFile, Tree

NAMES = ("a.b", "a/b", "a b", "a*b", "a:b", "énergie", "\x1b[31mred", "line\nend", "quote'\"", "..", "x" * 5000)


def first_tree(path: str) -> tuple[InputFile, Tree]:
    file = open_file(path)
    (facts,) = inspect(path)["trees"]
    return file, file.tree(facts["name"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_branches_of_any_name_are_read(name: str, kind: str, tmp_path) -> None:
    path = str(tmp_path / "odd.root")
    with uproot.recreate(path) as file:
        if kind == "TTree":
            file.mktree("events", {name: "float64", "px": "float64"}).extend({name: np.arange(5.0), "px": np.ones(5)})
        else:
            file.mkrntuple("events", {name: np.arange(5.0), "px": np.ones(5)})
    file, tree = first_tree(path)
    with file:
        assert set(tree.branches()) == {name, "px"}
        assert np.array_equal(tree.read(name, 1, 4), [1.0, 2.0, 3.0])


@pytest.mark.parametrize("name", ["a b", "a*b", "énergie", "\x1b[31mred", "line\nend", "folder/in/folder/events", "x" * 5000])
def test_trees_of_any_name_are_read(name: str, tmp_path) -> None:
    path = str(tmp_path / "odd.root")
    with uproot.recreate(path) as file:
        file.mktree(name, {"px": "float64"}).extend({"px": np.arange(5.0)})
    file, tree = first_tree(path)
    with file:
        assert tree.name == name and np.array_equal(tree.read("px", 0, 5), np.arange(5.0))


def test_a_name_that_two_branches_have_is_not_read(tmp_path) -> None:
    path = tmp_path / "twice.root"
    with uproot.recreate(path, compression=None) as file:
        file.mktree("events", {"energy_a": "float64", "energy_b": "float64", "px": "float64"}).extend(
            {"energy_a": np.zeros(5), "energy_b": np.ones(5), "px": np.ones(5)})
    path.write_bytes(path.read_bytes().replace(b"energy_b", b"energy_a"))
    file, tree = first_tree(str(path))
    with file:
        assert tree.branches() == ["energy_a", "px"] and np.array_equal(tree.read("px", 0, 5), np.ones(5))
        with pytest.raises(InputError, match="branch 'energy_a': several branches have this name"):
            tree.read("energy_a", 0, 5)


def test_dots_in_the_names_of_fields_are_no_path(tmp_path) -> None:
    """As in `top.px`, also inside of records."""
    path = str(tmp_path / "dots.root")
    lists = ak.Array([[1.0, 2.0], [], [3.0]])
    with uproot.recreate(path) as file:
        file.mkrntuple("events", {
            "top.px": lists, "trk": ak.zip({"px": -lists, "a.b": 2 * lists}), "one": ak.Array([{"x.y": i, "z": -i} for i in range(3)]),
        })
    file, tree = first_tree(path)
    with file:
        found = {name: tree.read(name, 0, 3) for name in ("one.x.y", "one.z", "trk.a.b")}
        assert np.array_equal(found["one.x.y"], [0, 1, 2]) and np.array_equal(found["one.z"], [0, -1, -2])
        nested = found["trk.a.b"]
        assert isinstance(nested, Ragged) and np.array_equal(nested.flat, [2.0, 4.0, 6.0]) and np.array_equal(nested.counts, [2, 0, 1])
        first = tree.read("top.px", 1, 3)
        assert isinstance(first, Ragged) and np.array_equal(first.flat, [3.0]) and np.array_equal(first.counts, [0, 1])


@pytest.mark.parametrize(("values", "words"), [
    ([["a", "b"], []], "not numbers"), ([[[1.0], []], []], "not numbers"), ([{"x": 1}, {"x": 2}], "one of its parts, as 'odd.x'"),
    ([1.0, "a"], "not numbers"), ([True, False], ""), ([1.5, None], "holds std::optional<double>, not numbers"),
])
def test_fields_of_other_types_are_refused_or_read(values: list[Any], words: str, tmp_path) -> None:
    path = str(tmp_path / "odd.root")
    with uproot.recreate(path) as file:
        file.mkrntuple("events", {"odd": ak.Array(values)})
    file, tree = first_tree(path)
    with file:
        try:
            assert len(tree.read("odd", 0, 2)) == 2 and not words
        except InputError as error:
            assert words and words in str(error) and path in str(error) and "branch 'odd'" in str(error)


@pytest.mark.parametrize("error", [
    KeyError("a"), IndexError("list index out of range"), struct.error("unpack requires a buffer of 4 bytes"), AssertionError(),
    RecursionError("maximum recursion depth exceeded"), AttributeError("no attribute 'keys'"), UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"),
    ValueError("first line\nsecond line"), NotImplementedError("memberwise"), OverflowError("too large"), MemoryError("1 PiB"),
])
def test_whatever_the_decoder_raises_is_one_sentence_with_its_place(error: Exception) -> None:
    with pytest.raises(InputError) as caught, reading("a.root", "events", "px"):
        raise error
    sentence = str(caught.value)
    assert sentence.startswith("a.root, tree 'events', branch 'px': cannot be read (") and "\n" not in sentence
    assert len(sentence) > len("a.root, tree 'events', branch 'px': cannot be read ().") + 3


class Mixed:
    """An open directory that has a further tree, of a kind that uproot makes no tree of."""

    def __init__(self, file: Any, name: str, kind: str) -> None:
        self.inner, self.name, self.kind = file, name, kind
        self.file = file.file

    def classnames(self, **options: Any) -> dict[str, str]:
        return {self.name: self.kind, **self.inner.classnames(**options)}

    def __getitem__(self, name: str) -> Any:
        return object() if name == self.name else self.inner[name]

    def keys(self, **options: Any) -> list[str]:
        return self.inner.keys(**options)

    def close(self) -> None:
        self.inner.close()


@pytest.fixture
def with_old_ntuple(monkeypatch):
    """Put a tree that cannot be read into every file that is opened."""

    def put(name: str, kind: str = "ROOT::Experimental::RNTuple") -> None:
        for module in ("input_file", "inspection", "reader"):
            monkeypatch.setattr(f"pphysml.io.{module}.open_file", lambda path: RootFile(path, Mixed(RootFile.open(path).directory, name, kind)))

    return put


def test_trees_of_an_older_format_are_refused_by_name(tmp_path, layout, write_root, event_columns, with_old_ntuple) -> None:
    path = write_root(tmp_path / "a.root", event_columns(5))
    with_old_ntuple("ntpl")
    with pytest.raises(InputError, match=r"tree 'ntpl': is an RNTuple of the experimental format before 1.0.* write it again"):
        list(Reader([Source(path, "ntpl")], [layout]))
    facts = inspect(path)
    assert [(tree["name"], tree["entries"]) for tree in facts["trees"]] == [("ntpl", None), ("events", 5)]
    assert len(facts["problems"]) == 1 and "before 1.0" in facts["problems"][0]


def test_a_tree_that_cannot_be_read_is_no_matter_unless_it_is_what_is_wanted(tmp_path, layout, write_root, event_columns, with_old_ntuple) -> None:
    path = write_root(tmp_path / "a.root", event_columns(5))
    with_old_ntuple("other", "TChain")
    assert Reader([Source(path)], [layout]).sources[0].tree == "events"
    columns = event_columns(5)
    del columns["px"]
    lacking = write_root(tmp_path / "b.root", columns)
    with pytest.raises(InputError, match="tree 'other': is a TChain"):
        Reader([Source(lacking)], [layout])
    with_old_ntuple("preferred")
    with pytest.raises(InputError, match=r"tree 'preferred': .* before 1.0"):
        Reader([Source(path)], [replace(layout, trees=("preferred",))])


def test_what_cannot_be_found_out_of_a_branch_is_unknown(tmp_path, write_root, event_columns, monkeypatch) -> None:
    path = write_root(tmp_path / "a.root", event_columns(5))

    def fails(self: Any) -> Any:
        raise KeyError(("V", 16))

    branch = uproot.behaviors.TBranch.TBranch
    monkeypatch.setattr(branch, "typename", property(fails))
    monkeypatch.setattr(branch, "compression", property(fails))
    (tree,) = inspect(path)["trees"]
    assert {b["type"] for b in tree["branches"]} == {b["compression"] for b in tree["branches"]} == {"unknown"}


def test_pipes_and_devices_are_refused_before_anything_waits_for_them(tmp_path, layout) -> None:
    os.mkfifo(tmp_path / "pipe.root")
    for path in (str(tmp_path / "pipe.root"), "/dev/null", "/dev/zero"):
        with pytest.raises(InputError, match="is a pipe or a device"):
            Reader([Source(path)], [layout])


def test_a_file_without_a_tree_says_what_it_holds(tmp_path, layout) -> None:
    with uproot.recreate(tmp_path / "h.root") as file:
        file["h"] = np.histogram([1.0])
    with pytest.raises(InputError, match="no tree in it, but TH1D"):
        Reader([Source(str(tmp_path / "h.root"))], [layout])
