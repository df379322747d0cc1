"""Validation finds every problem, the silent ones too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import uproot

from pphysml.errors import ConfigError, InputError
from pphysml.io.metadata import OBJECT, encode, read_metadata
from pphysml.io.problems import refuse
from pphysml.io.ragged import Ragged, slice_rows
from pphysml.io.reader import Reader
from pphysml.io.schema import Field
from pphysml.io.sources import Source, resolve
from pphysml.io.validation import Check, validate
from pphysml.io.writer import Writer


def write(path: Path, columns, layout, **options) -> str:
    with Writer(path, "events", layout.fields, metadata={}, **options) as writer:
        for start in range(0, len(columns["event"]), 1000):
            writer.extend(slice_rows(columns, start, start + 1000))
    return str(path)


@pytest.mark.parametrize("kind", ["TTree", "RNTuple"])
def test_good_files_have_no_problem(kind, tmp_path, layout, event_columns, write_root) -> None:
    paths = [write_root(tmp_path / "a.root", event_columns(30), kind=kind), write(tmp_path / "b.root", event_columns(3000), layout),
             write(tmp_path / "c.root", event_columns(0), layout)]
    assert validate(resolve(paths), [layout], need_truth=True, extra=["px"]) == []


def test_all_problems_of_all_files(tmp_path, layout, event_columns, write_root) -> None:
    lacking = event_columns(5)
    del lacking["px"], lacking["e"], lacking["lcag"]
    first = write_root(tmp_path / "first.root", lacking)
    bad = event_columns(50)
    bad["weight"][[7, 9]] = np.nan
    row = int(np.argmax(bad["px"].counts > 0))
    bad["px"].flat[:] = np.inf
    bad["e"].flat[-1] = -1
    last = int(np.flatnonzero(bad["e"].counts)[-1])
    second = write_root(tmp_path / "second.root", bad)
    (tmp_path / "third.root").write_text("text" * 100)
    problems = validate(resolve([first, second, str(tmp_path / "third.root")]), [layout], {}, ["dedx"], need_truth=True)
    errors = [p for p in problems if p.severity == "error"]
    assert [p.message.split(".")[0] for p in errors if p.path == first] == [
        "there is no branch 'px'", "there is no branch 'e'",
        "has no truth (none of lcag), as real data have none; it is needed here", "there is no branch 'dedx'"]
    assert [(p.branch, p.entry) for p in errors if p.path == second] == [
        (None, None), ("px", row), ("e", last), ("weight", 7)]
    assert [p.message for p in errors if p.path.endswith("third.root")] == ["is not a readable ROOT or HDF5 file"]
    assert len(errors) == len(problems)


def test_optional_branches_that_only_some_files_have_are_a_warning(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(5)
    both = write_root(tmp_path / "both.root", columns)
    del columns["weight"]
    problems = validate(resolve([write_root(tmp_path / "less.root", columns), both]), [layout])
    assert [(p.path, p.severity) for p in problems] == [(both, "warning")] and "weight" in problems[0].message


def test_first_problem_of_each_branch_over_all_blocks(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(45_000)
    columns["weight"][[30_001, 44_000]] = np.inf
    problems = validate([Source(write_root(tmp_path / "a.root", columns, chunk=15_000))], [layout])
    assert [(p.branch, p.entry) for p in problems] == [("weight", 30_001)]


def positions(path: str, branch: str, offset: int, tree: str = "events") -> int:
    with uproot.open(path) as file:
        handle = file[tree][branch]
        return int(handle.member("fBasketSeek")[1]) + handle.basket_key(1).fKeylen + offset


@pytest.mark.parametrize("branch", ["event", "px", "lcag", "weight", "n_leaves"])
def test_one_flipped_bit_that_decodes_without_an_error(branch, tmp_path, layout, event_columns) -> None:
    columns = event_columns(3000)
    path = write(tmp_path / "a.root", columns, layout, compression=None)
    content = bytearray(Path(path).read_bytes())
    content[positions(path, branch, 43)] ^= 1
    Path(path).write_bytes(content)
    if branch != "n_leaves":  # from which nothing is read
        with pytest.raises(InputError, match=f"branch '{branch}', entry 0: entries 0 to 2999 are not what was written"):
            list(Reader([Source(path)], [layout]))
    problems = validate([Source(path)], [layout])
    assert [p.branch for p in problems] == [branch]
    assert "not what was written (checksum)" in problems[0].message


def test_damaged_basket_of_a_branch_outside_the_layout(tmp_path, layout, event_columns) -> None:
    columns = {**event_columns(3000), "keep:other": np.zeros(3000, np.int64)}
    path = write(tmp_path / "a.root", columns, layout)
    content = bytearray(Path(path).read_bytes())
    start = positions(path, "other", 9)
    content[start : start + 8] = b"\xff" * 8
    Path(path).write_bytes(content)
    problems = validate([Source(path)], [layout])
    assert [(p.branch, p.entry) for p in problems] == [("other", 1000)]


@pytest.fixture
def two_trees(tmp_path, layout, event_columns) -> str:
    """A file with a further tree `list` of 500 entries."""
    with Writer(tmp_path / "two.root", "events", layout.fields, metadata={}, compression=None,
                further={"list": [Field("x", "event", "int32", "X.")]}) as writer:
        for start in (0, 250):
            writer.extend(event_columns(20))
            writer.extend({"x": start + np.arange(250)}, "list")
    return str(tmp_path / "two.root")


def test_further_trees_are_compared_with_what_was_written(two_trees, layout) -> None:
    assert validate([Source(two_trees)], [layout]) == []
    content = bytearray(Path(two_trees).read_bytes())
    content[positions(two_trees, "x", 43, "list")] ^= 1
    Path(two_trees).write_bytes(content)
    assert [(p.tree, p.branch) for p in validate([Source(two_trees)], [layout])] == [("list", "x")]


@pytest.mark.parametrize(("further", "message"), [
    ({"gone": {"n_entries": 1, "checksums": {}}}, "tree 'gone': the tree that was written is not there"),
    ({"list": {"n_entries": 501, "checksums": {}}}, "tree 'list': has 500 entries, but was written with 501"),
])
def test_lost_further_trees_and_their_entries(further, message, two_trees, layout) -> None:
    with uproot.update(two_trees) as file:
        file[OBJECT] = encode({"format_version": 1, "tree": "events", "n_entries": 40, "checksums": {}, "further_trees": further})
    problem, = validate([Source(two_trees)], [layout])
    assert message in problem.sentence()


def rewrite(path: Path, columns, write_root, metadata: str) -> str:
    write_root(path, columns)
    with uproot.update(path) as file:
        file[OBJECT] = metadata
    return str(path)


def test_lost_entries(tmp_path, layout, event_columns, write_root) -> None:
    """A file can lose entries and still open and read."""
    text = encode({"format_version": 1, "tree": "events", "n_entries": 40, "checksums": {}})
    path = rewrite(tmp_path / "a.root", event_columns(30), write_root, text)
    with pytest.raises(InputError, match="has 30 entries, but was written with 40"):
        Reader([Source(path)], [layout])
    assert any("written with 40" in p.message for p in validate([Source(path)], [layout]))


def test_lost_branch(tmp_path, layout, event_columns, write_root) -> None:
    text = encode({"format_version": 1, "tree": "events", "n_entries": 3, "checksums": {"vertex": "00"}})
    path = rewrite(tmp_path / "a.root", event_columns(3), write_root, text)
    problem, = validate([Source(path)], [layout])
    assert problem.message.startswith("the branch 'vertex' that was written is not there")


@pytest.mark.parametrize(("text", "message"), [
    ("{", "metadata are damaged"), ('{"format_version": 99, "package_version": "9.0"}', "by pphysml 9.0 in a newer format"),
])
def test_metadata_that_cannot_be_read(text, message, tmp_path, layout, event_columns, write_root) -> None:
    path = rewrite(tmp_path / "a.root", event_columns(3), write_root, text)
    with pytest.raises(InputError, match=message):
        read_metadata(path)
    assert message in validate([Source(path)], [layout])[0].message


def test_files_of_others_have_no_metadata(tmp_path, layout, event_columns, write_root) -> None:
    assert read_metadata(write_root(tmp_path / "a.root", event_columns(3))) is None
    assert read_metadata(rewrite(tmp_path / "b.root", event_columns(3), write_root, "[1]")) is None


def test_mapping_is_used_and_checked(tmp_path, layout, event_columns, write_root) -> None:
    columns = event_columns(5)
    e = columns["e"]
    columns["energy"] = Ragged(-e.flat, e.offsets)
    path = write_root(tmp_path / "a.root", columns)
    assert [p.branch for p in validate([Source(path)], [layout], {"e": "energy:MeV"})] == ["energy"]
    with pytest.raises(ConfigError):
        validate([Source(path)], [layout], {"enrgy": "energy"})


def test_what_a_task_refuses_by_one_rule_is_said_once_whatever_its_values_are(tmp_path, layout, event_columns, write_root, monkeypatch) -> None:
    monkeypatch.setattr("pphysml.io.validation.BLOCK", 10)
    path = write_root(tmp_path / "a.root", event_columns(40))

    def assemble(chunk, carry):
        entry = np.asarray(chunk["entry"])
        refuse(chunk, entry % 10 == 3, "px", lambda row: f"is of entry {entry[row]}")
        refuse(chunk, entry % 10 == 5, "px", lambda row: f"belongs to {entry[row]}")
        if entry[0] >= 20:
            raise InputError("has late entries", branch="e")
        return {}, None

    found = validate(resolve([path]), [layout], check=Check(assemble))
    assert [(p.branch, p.entry, p.message) for p in found] == [
        ("px", 3, "is of entry 3"), ("px", 5, "belongs to 5"), ("e", None, "has late entries")]
    assert {p.path for p in found} == {path}


def test_bad_entries_are_counted_by_kind_over_all_blocks(tmp_path, layout, event_columns, write_root, monkeypatch) -> None:
    """An entry with several bad values is one; what differs in its numbers only is of one kind."""
    monkeypatch.setattr("pphysml.io.validation.BLOCK", 10)
    columns = event_columns(95)
    full = np.flatnonzero(columns["e"].counts >= 2)
    bad, infinite = full[:9], full[9:11]
    for entry in bad:
        columns["e"][entry][:] = -1.0 - entry
    for entry in infinite:
        columns["e"][entry][0] = np.inf
    columns["weight"][[3, 50, 94]] = np.nan
    path = write_root(tmp_path / "a.root", columns)
    found = {(p.branch, p.entry): p for p in validate([Source(path)], [layout])}
    assert {place: p.more for place, p in found.items()} == {("e", bad[0]): 8, ("e", infinite[0]): 1, ("weight", 3): 2}
    assert "branch 'weight', entry 3 and 2 more: value nan is not finite." in found["weight", 3].sentence()


def test_entries_that_a_task_refuses_are_counted_over_all_blocks(tmp_path, layout, event_columns, write_root, monkeypatch) -> None:
    monkeypatch.setattr("pphysml.io.validation.BLOCK", 10)

    def assemble(chunk, carry):
        refuse(chunk, chunk["entry"] % 7 == 2, "weight", lambda row: f"is {chunk['weight'][row]}, which is odd")
        return chunk, carry

    path = write_root(tmp_path / "a.root", event_columns(95))
    (problem,) = validate([Source(path)], [layout], check=Check(assemble))
    assert (problem.entry, problem.more) == (2, len(range(2, 95, 7)) - 1) and "entry 2 and 13 more: is 0." in problem.sentence()
    assert "more of the" not in problem.sentence()
