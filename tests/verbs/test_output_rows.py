"""Objects become entries again, compared with a loop."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Ragged, concatenate, slice_rows, take
from pphysml.io.schema import Field, Layout
from pphysml.verbs.output_rows import Regrouping, carried

LAYOUT = Layout("l", "L.", (Field("run", "event", "int64", "Run.", carried=True), Field("mass", "event", "float64", "Mass.")))


def chunk(counts, first: int = 0, file: int = 0):
    n = len(counts)
    entries = {"file": np.full(n, file), "entry": first + np.arange(n), "run": 7 + np.arange(n), "mass": np.ones(n), "keep:x": np.arange(n) / 2}
    row = np.repeat(np.arange(n), counts)
    examples = {name: entries[name][row] for name in ("file", "entry")}
    return entries, examples, {"score": np.arange(len(row)) + 100.0 * first}


def test_ids_and_kept_branches_are_carried() -> None:
    assert set(carried(LAYOUT, chunk([1])[0])) == {"file", "entry", "run", "keep:x"}


@pytest.mark.parametrize("counts", [[2, 0, 1], [0, 0, 3], [1], [4, 0]])
def test_each_entry_has_its_objects(counts) -> None:
    entries, examples, columns = chunk(counts, first=5, file=2)
    rows, = Regrouping(LAYOUT).add(entries, examples, columns)
    expected = [columns["score"][examples["entry"] == entry].tolist() for entry in entries["entry"]]
    assert [rows["score"][row].tolist() for row in range(len(counts))] == expected
    assert np.array_equal(rows["run"], entries["run"]) and np.array_equal(rows["keep:x"], entries["keep:x"]) and "mass" not in rows


def test_chunks_without_objects_wait_for_the_first_one() -> None:
    regrouping, found = Regrouping(LAYOUT), []
    whole = chunk([0, 0, 1, 0, 2, 0])
    for start in range(6):
        entries = slice_rows(whole[0], start, start + 1)
        mine = whole[1]["entry"] == start
        found += regrouping.add(entries, take(whole[1], mine), take(whole[2], mine) if mine.any() else {})
        assert len(found) == (0 if start < 2 else start + 1)
    joined, (together,) = concatenate(found), Regrouping(LAYOUT).add(*whole)
    assert joined.keys() == together.keys() and regrouping.rest([]) == []
    assert np.array_equal(joined["score"].offsets, together["score"].offsets) and np.array_equal(joined["score"].flat, together["score"].flat)


def test_without_any_object_the_fields_say_which_columns_there_are() -> None:
    regrouping = Regrouping(LAYOUT)
    assert regrouping.add(*chunk([0, 0])[:2], {}) == []
    rows, = regrouping.rest([Field("score", "particle", "float32", "S.", counter="n"), Field("other", "event", "int32", "O.")])
    assert len(rows["score"]) == 2 and rows["score"].flat.dtype == np.float32 and "other" not in rows


def test_objects_in_another_order_or_of_other_entries_are_a_mistake_of_the_task() -> None:
    entries, examples, columns = chunk([1, 1])
    for wrong in ({**examples, "entry": examples["entry"][::-1]}, {**examples, "entry": examples["entry"] + 1}, {**examples, "file": examples["file"] + 1}):
        with pytest.raises(ValueError, match="in their order"):
            Regrouping(LAYOUT).add(entries, wrong, columns)
    with pytest.raises(ValueError, match="one value per object"):
        Regrouping(LAYOUT).add(entries, examples, {"score": Ragged.from_rows([[1], [2]])})
