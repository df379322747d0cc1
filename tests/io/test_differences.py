"""Files of one list that differ: what some lack is filled in or left out of all, and said; or refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged, concatenate
from pphysml.io.reader import Reader
from pphysml.io.schema import Field
from pphysml.io.sources import resolve
from pphysml.io.validation import validate


@pytest.fixture
def richer(layout):
    """The layout with an id that the output carries, a column with a filling of its own, and more truth."""
    return replace(layout, fields=(
        *(replace(f, carried=True) if f.name == "event" else f for f in layout.fields),
        Field("run", "event", "float32", "Run.", carried=True), Field("quality", "event", "uint8", "Quality.", filling=255),
        Field("topology", "label", "int32", "Topology.", truth=True, carried=True), Field("dedx", "particle", "float32", "Loss.", counter="n_leaves"),
    ))


def files(tmp_path, write_root, columns, lacking):
    """Write one file with all columns and one without some, in this order."""
    less = {name: column for name, column in columns.items() if name not in lacking}
    return [write_root(tmp_path / "all.root", columns), write_root(tmp_path / "less.root", less)]


@pytest.fixture
def columns(event_columns):
    given = event_columns(3)
    leaves = given["px"]
    return {**given, "run": np.arange(3, dtype=np.float32), "quality": np.arange(3, dtype=np.uint8), "topology": np.arange(3, dtype=np.int32),
            "dedx": Ragged(np.ones(len(leaves.flat), np.float32), leaves.offsets)}


@pytest.mark.parametrize("turned", [False, True])
def test_ids_and_what_states_a_filling_are_kept(turned, tmp_path, richer, columns, write_root) -> None:
    paths = files(tmp_path, write_root, columns, ("event", "run", "quality"))
    reader = Reader(resolve(paths[::-1] if turned else paths), [richer], block_size=2)
    read = concatenate(list(reader))
    there = np.asarray(read["file"]) == int(turned)
    for name, filling in (("event", -1), ("run", np.nan), ("quality", 255)):
        assert read[name].dtype == columns[name].dtype
        np.testing.assert_array_equal(read[name][there], columns[name])
        np.testing.assert_array_equal(read[name][~there], np.full(3, filling, columns[name].dtype))
    less = tmp_path / "less.root"
    assert sorted(reader.warnings) == [f"{name}: not in all files, so {filling} for the entries of {less}, which lacks it"
                                       for name, filling in (("event", -1), ("quality", 255), ("run", "nan"))]


def test_what_cannot_be_filled_in_is_left_out_of_all_and_said(tmp_path, richer, columns, write_root) -> None:
    paths = files(tmp_path, write_root, columns, ("weight", "dedx", "topology"))
    for order in (paths, paths[::-1]):
        reader = Reader(resolve(order), [richer])
        assert all(set(block) == {"file", "entry"} | set(columns) - {"weight", "dedx", "topology"} for block in reader)
        assert [set(w.partition(":")[0].split(", ")) for w in reader.warnings] == [{"weight", "dedx", "topology"}]
        assert f"left out of all files, since {paths[1]} lacks it" in reader.warnings[0]
    third = write_root(tmp_path / "third.root", {name: c for name, c in columns.items() if name != "weight"})
    assert any(f"weight: not in all files, so left out of all files, since {paths[1]} and 1 more lack it" in w
               for w in Reader(resolve([*paths, third]), [richer]).warnings)


def test_files_that_are_alike_say_nothing(tmp_path, richer, columns, write_root) -> None:
    assert Reader(resolve(files(tmp_path, write_root, columns, ())), [richer]).warnings == []


def test_truth_that_is_needed_is_never_made_up(tmp_path, richer, columns, write_root) -> None:
    filled = replace(richer, fields=tuple(replace(f, filling=-1) if f.name == "topology" else f for f in richer.fields))
    paths = files(tmp_path, write_root, columns, ("topology",))
    assert concatenate(list(Reader(resolve(paths), [filled])))["topology"].tolist() == [0, 1, 2, -1, -1, -1]
    judged = Reader(resolve(paths), [filled], need_truth=True)
    assert all("topology" not in block and "lcag" in block for block in judged) and "topology" in judged.warnings[0]
    paths = files(tmp_path, write_root, columns, ("topology", "lcag"))
    with pytest.raises(InputError, match=r"less.root.*has no truth"):
        Reader(resolve(paths), [filled], need_truth=True)


def test_truth_of_different_kinds_is_refused_with_the_names_of_the_files(tmp_path, layout, columns, write_root) -> None:
    either = replace(layout, fields=(*layout.fields, Field("parent", "node", "int32", "Parents.", counter="n_nodes", truth=True)))
    first = write_root(tmp_path / "first.root", {name: c for name, c in columns.items() if name != "topology"})
    given = {name: c for name, c in columns.items() if name not in ("lcag", "topology")}
    second = write_root(tmp_path / "second.root", {**given, "parent": Ragged.from_rows([[-1]] * 3, np.int32)})
    with pytest.raises(InputError, match=r"no truth \(lcag, parent\) is in all input files \(.*lcag not in .*second.root.*\)") as caught:
        Reader(resolve([first, second]), [either], need_truth=True)
    assert "parent not in" in str(caught.value) and first in str(caught.value)


@pytest.mark.parametrize(("name", "happens"), [("event", "-1 for the entries of"), ("weight", "left out of all files, since")])
def test_validation_says_what_reading_does(name, happens, tmp_path, richer, columns, write_root) -> None:
    paths = files(tmp_path, write_root, columns, (name,))
    problem, = validate(resolve(paths), [richer])
    assert (problem.path, problem.severity) == (paths[0], "warning")
    reading, = Reader(resolve(paths), [richer]).warnings
    assert problem.message == reading and f"{happens} {paths[1]}" in reading


def test_kept_branches_of_different_types_are_refused(tmp_path, layout, event_columns, write_root) -> None:
    first = write_root(tmp_path / "first.root", {**event_columns(3), "mine": np.ones(3, np.float32)})
    for other in (np.ones(3), np.ones((3, 2), np.float32), event_columns(3)["px"]):
        second = write_root(tmp_path / "second.root", {**event_columns(3), "mine": other})
        with pytest.raises(InputError, match=r"second.root, tree 'events', branch 'mine': holds .*, but float32 in .*first.root; leave it out of --keep"):
            Reader(resolve([first, second]), [layout], keep=["mine"])
        skipping = Reader(resolve([first, second]), [layout], keep=["mine"], on_bad_file="skip")
        assert [path for path, _ in skipping.skipped] == [second]
