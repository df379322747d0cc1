"""What is read of our own files is what was written, whichever part of it is read, or it is refused."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import uproot

from pphysml.errors import InputError
from pphysml.io.checksums import STRETCH, Stretches, checksums, from_text, step_for, type_of
from pphysml.io.content import Content, Written
from pphysml.io.inspection import inspect
from pphysml.io.metadata import OBJECT, TITLE, content_of, encode, read_metadata
from pphysml.io.ragged import Ragged, concatenate, length, slice_rows
from pphysml.io.reader import Block, Reader
from pphysml.io.schema import Field, Layout
from pphysml.io.sources import Source, resolve
from pphysml.io.validation import validate
from pphysml.io.writer import Writer

ROOT = Path(__file__).parents[2]
MERGED = Path(__file__).parent / "merged"
"""Files of 30 and 20 entries, as written by tests, merged by `hadd` of ROOT 6.40."""


def first_format(source: Path, target: Path, compression=None) -> str:
    """Write a file again as the first format had it."""
    spec = spec_from_file_location("damaged_files", ROOT / "benchmarks/damaged_files.py")
    module = module_from_spec(spec)
    sys.modules["damaged_files"] = module
    spec.loader.exec_module(module)
    module.first_format(source, target, compression)
    return str(target)


@pytest.fixture
def numbers() -> Layout:
    return Layout("numbers", "Numbers.", (Field("n", "event", "int32", "A number.", required=True),), trees=("events",))


@pytest.fixture
def counted(tmp_path, numbers):
    """A file of 43 000 numbers, three stretches, in baskets that end elsewhere, not compressed."""
    path = tmp_path / "counted.root"
    with Writer(path, "events", numbers.fields, metadata={}, compression=None) as writer:
        for start, stop in ((0, 7000), (7000, 7001), (7001, 36_001), (36_001, 43_000)):
            writer.extend({"n": np.arange(start, stop, dtype=np.int32) + 10**8})
    return path


def change(path: Path, value: int) -> str:
    """Flip one bit of one of the numbers."""
    content = bytearray(path.read_bytes())
    place = content.find(np.array(value + 10**8, ">i4").tobytes())
    assert place > 0
    content[place + 3] ^= 1
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("cuts", [[0, 23], [0, 1, 5, 5, 7, 14, 23], [0, 7, 21, 22, 23]])
@pytest.mark.parametrize("kind", ["scalar", "fixed", "ragged"])
def test_checksums_do_not_depend_on_how_entries_come(kind, cuts) -> None:
    rng = np.random.default_rng(1)
    column = {"scalar": rng.normal(size=23), "fixed": rng.normal(size=(23, 3)).astype(np.float32),
              "ragged": Ragged.from_counts(rng.integers(0, 9, 40), np.r_[np.full(17, 2), np.zeros(5, int), 6])}[kind]
    written = Stretches(7)
    for start, stop in pairwise(cuts):
        written.update(slice_rows({"x": column}, start, stop)["x"])
    expected = checksums(column, [0, 7, 14, 21, 23])
    assert from_text(written.text()) == expected and len(set(expected)) == 4
    assert expected[1] == checksums(slice_rows({"x": column}, 7, 14)["x"], [0, 7])[0]


def test_checksums_know_lengths_and_types() -> None:
    flat = np.arange(4)
    assert checksums(Ragged.from_counts(flat, [1, 3]), [0, 2]) != checksums(Ragged.from_counts(flat, [2, 2]), [0, 2])
    assert type_of(flat.astype(np.float32)) == "float32" and type_of(np.zeros((2, 3), bool)) == "bool(3,)"
    assert type_of(Ragged.from_counts(flat, [4])) == "ragged int64"
    content = Content([Written(4, {"x": "int32"}, 5, {"x": [0]})])
    assert content.fault("x", 0, flat[:0]) == (0, "holds int64, but int32 was written; copy the file again or make it anew")


def test_every_range_by_brute_force() -> None:
    """Of two writings one after the other: the whole stretches around a range, and where a changed entry is seen."""
    values = np.arange(29)
    parts, edges = [], [0]
    for first, last, step in ((0, 17, 5), (17, 29, 4)):
        stretches = Stretches(step)
        stretches.update(values[first:last])
        parts.append(Written(last - first, {"x": "int64"}, step, {"x": from_text(stretches.text())}))
        edges += [*range(first + step, last, step), last]
    content = Content(parts)
    for start in range(29):
        for stop in range(start + 1, 30):
            low, high = max(e for e in edges if e <= start), min(e for e in edges if e >= stop)
            assert content.around("x", start, stop) == (low, high), (start, stop)
            assert content.fault("x", start, values[start:stop]) is None
            for wrong in (start, stop - 1):
                changed = np.where(values == wrong, -1, values)
                begin, end = max(e for e in edges if e <= wrong), min(e for e in edges if e > wrong)
                found = content.fault("x", start, changed[start:stop])
                assert (found is None) == (begin < start or end > stop)
                assert found is None or (found[0] == begin and f"entries {begin} to {end - 1} " in found[1])
                assert content.fault("x", low, changed[low:high]) is not None
            inner = (min(e for e in edges if e >= start), max(e for e in edges if e <= stop))
            assert content.within("x", start, stop) == inner or inner[0] >= inner[1]
    assert content.around("x", 3, 3) == (3, 3) and content.around("y", 3, 4) == (3, 4)


def test_undamaged_parts_are_read_and_compared(counted, numbers) -> None:
    for size in (1000, 19_999, 20_000):
        reader = Reader([Source(str(counted))], [numbers], block_size=size, max_entries=32_345)
        np.testing.assert_array_equal(concatenate(list(reader))["n"], 10**8 + np.arange(32_345))


@pytest.mark.parametrize("value", [0, 6999, 7000, 22_000, 42_999])
def test_a_changed_entry_is_refused_wherever_reading_begins_and_ends(value, counted, numbers) -> None:
    reader = Reader([Source(change(counted, value))], [numbers])
    stretch = value // STRETCH
    for start, stop in ((0, 1), (6999, 7002), (19_999, 20_000), (19_999, 20_001), (20_000, 20_001), (39_000, 40_001), (20_000, 43_000), (0, 43_000), (42_000, 42_001)):
        # What is decoded with what is read, since it lies in the same basket, may be refused too.
        if start // STRETCH <= stretch <= (stop - 1) // STRETCH:
            with pytest.raises(InputError, match=rf"branch 'n', entry {stretch * STRETCH}: entries {stretch * STRETCH} to .* are not what was written \(checksum\)"):
                reader.read(Block(0, start, stop))
    with pytest.raises(InputError, match="not what was written"):
        list(Reader([Source(str(counted))], [numbers], block_size=7000))
    with pytest.raises(InputError, match="not what was written"):
        list(Reader([Source(str(counted))], [numbers], max_entries=stretch * STRETCH + 1))
    assert [(p.branch, p.entry) for p in validate([Source(str(counted))], [numbers])] == [("n", stretch * STRETCH)]


def test_what_lies_elsewhere_is_read(counted, numbers) -> None:
    reader = Reader([Source(change(counted, 42_999))], [numbers])
    assert reader.read(Block(0, 3000, 4000))["n"][0] == 10**8 + 3000
    with pytest.raises(InputError):
        reader.read(Block(0, 42_000, 42_001))


def test_the_first_format_is_read_and_compared_whole(counted, numbers, tmp_path) -> None:
    old = Path(first_format(counted, tmp_path / "old.root"))
    assert read_metadata(str(old))["format_version"] == 1 and validate([Source(str(old))], [numbers]) == []
    reader = Reader([Source(str(old))], [numbers], block_size=900)
    np.testing.assert_array_equal(concatenate(list(reader))["n"], 10**8 + np.arange(43_000))
    change(old, 42_000)
    with pytest.raises(InputError, match=r"branch 'n', entry 0: entries 0 to 42999 are not what was written \(checksum\)"):
        list(Reader([Source(str(old))], [numbers], max_entries=5))
    assert [p.branch for p in validate([Source(str(old))], [numbers])] == ["n"]


def test_a_merged_file_is_read_with_a_warning_and_compared_part_by_part(layout, tmp_path) -> None:
    for name in ("two_parts", "first_part_of_first_format"):
        path = tmp_path / f"{name}.root"
        path.write_bytes((MERGED / path.name).read_bytes())
        reader = Reader([Source(str(path))], [layout], block_size=7)
        assert concatenate(list(reader))["event"].tolist() == [*range(30), *range(1000, 1020)]
        sentence, = reader.warnings
        assert str(path) in sentence and "tree 'events': is 2 files of pphysml merged into one (30 + 20 entries)" in sentence
        assert {p.severity for p in validate([Source(str(path))], [layout])} == {"warning"}
        assert inspect(str(path))["problems"] == [] and sentence + "." in inspect(str(path))["warnings"]
        original = path.read_bytes()
        for value in (7, 1007):
            content = bytearray(original)
            place = content.find(np.arange(value, value + 3, dtype=">i8").tobytes())
            assert place > 0
            content[place + 6] ^= 1
            path.write_bytes(content)
            with pytest.raises(InputError, match=r"branch 'event', entry .* not what was written"):
                list(Reader([Source(str(path))], [layout]))


def test_a_tree_that_grew_is_said_to_be_beyond_comparison(counted, numbers) -> None:
    with uproot.update(counted) as file:
        file["events"].extend({"n": np.zeros(10, np.int32)})
    reader = Reader([Source(str(counted))], [numbers])
    assert sum(map(length, reader)) == 43_010
    assert "has 43010 entries, which are not those that pphysml has written (43000)" in reader.warnings[0]


def test_metadata_that_merging_in_turns_has_copied_again_count_once(numbers, tmp_path) -> None:
    """With at most two files open at a time, `hadd` makes cycles 5 9, then 5 9 5 9 3 11, then all of these twice and 7 of parts of 5, 9, 3, 11 and 7 entries."""
    counts = {"a": 5, "b": 9, "c": 3, "d": 11, "e": 7}
    values = np.arange(35, dtype=np.int32)
    first = dict(zip(counts, np.cumsum([0, *counts.values()]).tolist(), strict=False))

    def written(name: str) -> Written:
        return Written(counts[name], {"n": "int32"}, 20_000, {"n": checksums(values[first[name] :], [0, counts[name]])})

    content, error, warning = content_of([written(name) for name in "ababcdababcde"], 35)
    assert error is None and "5 files of pphysml merged into one (5 + 9 + 3 + 11 + 7 entries)" in warning
    assert content.fault("n", 0, values) is None
    assert content.fault("n", 0, np.where(values == 15, 0, values))[0] == 14
    for some, entries in (("ab", 13), ("a", 4)):
        assert ("written with" in (content_of([written(name) for name in some], entries)[1] or "")) == (entries < 5)


def test_lost_metadata_of_ours_are_refused(counted, numbers) -> None:
    with uproot.open(counted) as file:
        assert file["events"].title == file.key("events").fTitle == TITLE
    with uproot.update(counted) as file:
        del file[OBJECT]
    lost = "a tree is of pphysml, but its metadata, the object 'pphysml', are not there"
    for use in (lambda: Reader([Source(str(counted))], [numbers]), lambda: read_metadata(str(counted))):
        with pytest.raises(InputError, match=lost):
            use()
    assert [lost in problem for problem in inspect(str(counted))["problems"]] == [True]
    assert [p.severity for p in validate([Source(str(counted))], [numbers])] == ["error"]


def test_each_flipped_bit_of_the_metadata_is_refused_or_changes_nothing(tmp_path, numbers) -> None:
    path = tmp_path / "a.root"
    with Writer(path, "events", numbers.fields, metadata={"seed": 1}, compression=None) as writer:
        writer.extend({"n": np.arange(9, dtype=np.int32)})
    with uproot.open(path) as file:
        text = str(file[OBJECT]).encode()
    content = path.read_bytes()
    begin = content.find(text)
    assert begin > 0
    for place in range(begin, begin + len(text), 3):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        with pytest.raises(InputError, match=r"metadata are damaged|newer format|are not there"):
            Reader([Source(str(path))], [numbers])


@pytest.mark.parametrize("write", [
    lambda file: file.mktree(OBJECT, {"x": "int32"}).extend({"x": np.arange(3)}), lambda file: file.__setitem__(OBJECT, np.histogram([1.0, 2.0])),
    lambda file: file.__setitem__(OBJECT, "my notes"), lambda file: file.__setitem__(OBJECT, '{"mine": 1}'),
    lambda file: file.__setitem__(OBJECT, "3"), lambda file: file.__setitem__(f"{OBJECT}/folder", "text"),
], ids=["tree", "histogram", "text", "json", "number", "folder"])
def test_what_others_call_by_our_name_is_not_ours(write, tmp_path, layout, event_columns, write_root) -> None:
    path = write_root(tmp_path / "a.root", event_columns(4))
    with uproot.update(path) as file:
        write(file)
    assert read_metadata(path) is None and inspect(path)["metadata"] is None
    assert sum(map(length, Reader([Source(path)], [layout]))) == 4
    assert validate([Source(path)], [layout]) == []


FACTS = {"format_version": 1, "tree": "events", "n_entries": 4, "checksums": {}}


@pytest.mark.parametrize("wrong", [
    {"n_entries": "4"}, {"n_entries": -1}, {"n_entries": True}, {"n_entries": None}, {"n_entries": 1e400}, {"checksums": None}, {"checksums": [1]},
    {"checksums": {"event": 3}}, {"tree": 3}, {"tree": None}, {"tree": ["events"]}, {"further_trees": []}, {"further_trees": {"x": 3}},
    {"further_trees": {"x": None}}, {"format_version": "1"}, {"format_version": None}, {"format_version": True}, {"format_version": 0},
    {"format_version": 2}, {"format_version": 2, "types": {"event": "int64"}, "stretch": 5000, "checksums": {"event": "é"}},
    {"format_version": 2, "types": {"event": "int64"}, "stretch": 0, "checksums": {"event": "AAAAAAAAAAA="}},
    {"format_version": 2, "types": {"event": 1}, "stretch": 5000, "checksums": {"event": "AAAAAAAAAAA="}},
    {"format_version": 2, "types": {}, "stretch": 5000, "checksums": {"event": "AAAAAAAAAAA="}},
    {"format_version": 2, "types": {"event": "int64"}, "stretch": 5000, "checksums": {"event": "AAAA"}},
    {"format_version": 2, "types": {"event": "int64"}, "stretch": 5000, "checksums": {"event": ""}},
])
def test_metadata_of_wrong_types_are_called_damaged(wrong, tmp_path, layout, event_columns, write_root) -> None:
    path = write_root(tmp_path / "a.root", event_columns(4))
    with uproot.update(path) as file:
        file[OBJECT] = encode({**FACTS, **wrong})
    with pytest.raises(InputError, match="its metadata are damaged"):
        Reader([Source(path)], [layout])
    assert [p.severity for p in validate([Source(path)], [layout])] == ["error"]


@pytest.mark.parametrize("text", ['{"format_version": 1', "", "[" * 100_000, '{"a": ' * 100_000, "\x00\x01", '{"format_version": 1}x', json.dumps(FACTS)[1:], "{"])
def test_metadata_that_are_no_json_are_called_damaged(text, tmp_path, layout, event_columns, write_root) -> None:
    path = write_root(tmp_path / "a.root", event_columns(4))
    with uproot.update(path) as file:
        file[OBJECT] = text
    try:
        found = read_metadata(path)
    except InputError as error:
        assert "metadata are damaged" in str(error)
    else:
        assert found is None and text.startswith("[")


def announce(path: str, entries: int, announced: int, branch: str | None) -> None:
    """Change the number of entries that a tree, or one of its branches, announces."""
    with uproot.open(path) as file:
        handle = file["events"] if branch is None else file["events"][branch]
        name, title = handle.member("fName"), handle.member("fTitle")
    content = bytearray(Path(path).read_bytes())
    place = content.find(bytes([len(name)]) + name.encode() + bytes([len(title)]) + title.encode(), content.find(b"TBranch") if branch else 0)
    for _ in range(1 if branch is None else 2):  # a branch has the number of its next entry first
        place = content.find(np.array(entries, ">i8").tobytes(), place + 1)
    content[place : place + 8] = np.array(announced, ">i8").tobytes()
    Path(path).write_bytes(content)


@pytest.mark.parametrize("announced", [7, 9, 13, 1000])
@pytest.mark.parametrize("branch", [None, "n"])
def test_branches_must_have_as_many_entries_as_their_tree(branch, announced, tmp_path, numbers, write_root) -> None:
    path = write_root(tmp_path / "a.root", {"n": np.arange(11, dtype=np.int32), "other": np.arange(11)}, compression=None)
    announce(path, 11, announced, branch)
    with uproot.open(path) as file:
        assert (file["events"].num_entries, file["events"]["n"].num_entries) == ((announced, 11) if branch is None else (11, announced))
    with pytest.raises(InputError, match=r"branch 'n'.*: has .* entries, but its tree has"):
        list(Reader([Source(path)], [numbers]))
    assert [p.severity for p in validate([Source(path)], [numbers])] == ["error"]


@pytest.mark.parametrize("change", [-1, 1])
def test_a_branch_that_yields_another_number_of_entries_is_refused(change, tmp_path, numbers, write_root, monkeypatch) -> None:
    path = write_root(tmp_path / "a.root", {"n": np.arange(10, dtype=np.int32)})
    inner = uproot.TBranch.array

    def array(branch, *args, **kwargs):
        found = inner(branch, *args, **kwargs)
        return found if not len(found) else found[:-1] if change < 0 else found[np.r_[: len(found), 0]]

    monkeypatch.setattr(uproot.TBranch, "array", array)
    monkeypatch.setattr("pphysml.io.root_files.flat_values", lambda *_: None)
    with pytest.raises(InputError, match="branch 'n', entry 0: entries 0 to 9 are damaged"):
        list(Reader([Source(path)], [numbers]))


def test_stretches_of_a_written_file_are_those_of_the_metadata(counted) -> None:
    facts = read_metadata(str(counted))
    assert facts["stretch"] == STRETCH == 20_000 and facts["types"] == {"n": "int32"}
    values = np.arange(43_000, dtype=np.int32) + 10**8
    assert from_text(facts["checksums"]["n"]) == checksums(values, [0, 20_000, 40_000, 43_000])


@pytest.mark.parametrize(("width", "step"), [(1, 20_000), (400, 20_000), (500, 10_000), (10_000, 625), (10**8, 1)])
def test_stretches_of_wide_entries_are_short(width, step) -> None:
    assert step_for([np.zeros(3, np.int8), Ragged(np.zeros(2 * width, np.int8), np.array([0, 0, 2 * width]))]) == step


def test_a_file_with_bytes_behind_its_end_is_not_an_empty_one(counted, tmp_path) -> None:
    """Where bytes have come in, the list of keys is not where it was, and reads as an empty one."""
    with uproot.recreate(tmp_path / "empty.root"):
        pass
    empty = (tmp_path / "empty.root").read_bytes()
    assert inspect(str(tmp_path / "empty.root"))["trees"] == []
    (tmp_path / "empty.root").write_bytes(empty + bytes(32))
    with pytest.raises(InputError, match="has 32 bytes behind its end, and nothing is found in it"):
        inspect(str(tmp_path / "empty.root"))
    counted.write_bytes(counted.read_bytes() + bytes(32))
    assert len(inspect(str(counted))["trees"]) == 1, "such bytes alone do no harm"


def test_damaged_bytes_in_one_of_several_files_name_it(counted, numbers, tmp_path) -> None:
    good = tmp_path / "good.root"
    good.write_bytes(counted.read_bytes())
    bad = change(counted, 12)
    reader = Reader(resolve([str(good), bad]), [numbers], on_bad_file="skip")
    assert sum(map(length, reader)) == 43_000 and bad in reader.skipped[0][0]
