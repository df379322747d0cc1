"""Folds and splits by event: all rows of an event are on one side, whatever file or entry they are in."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.training.config import Folds
from pphysml.training.event_split import event_hash, example_hash, fold_numbers

IDS = ("run", "lumi", "event")
FIVE = Folds(5, 0, (0,))


def rows(n, **columns):
    return {"file": np.zeros(n, np.int32), "entry": np.arange(n), **columns}


def test_rows_of_an_event_are_in_one_fold_in_any_file_and_order():
    rng = np.random.default_rng(1)
    event = rng.permutation(np.repeat(np.arange(1, 2001), 3))
    run = 1 + event % 3
    one = fold_numbers(rows(6000, run=run, event=event), ["a.root"], IDS, FIVE)
    order = rng.permutation(6000)
    other = fold_numbers(rows(6000, run=run[order], event=event[order]), ["b.root"], IDS, FIVE)
    np.testing.assert_array_equal(other, one[order])
    first = np.unique(event, return_index=True)[1]
    np.testing.assert_array_equal(one, one[first][event - 1])
    counts = np.bincount(one[first], minlength=5)
    assert ((counts - 400) ** 2 / 400).sum() < 20
    # Without ids they are spread over the folds.
    assert (fold_numbers(rows(6000), ["a.root"], IDS, FIVE) != one).mean() == pytest.approx(0.8, abs=0.03)


def test_folds_are_independent_of_the_split_for_validation_and_of_run_and_block():
    n = 50_000
    columns = rows(n, run=np.full(n, 7), lumi=np.full(n, 2), event=np.arange(1, n + 1))
    fold, held_out = fold_numbers(columns, ["a.root"], IDS, FIVE), event_hash(columns, ["a.root"], IDS) < 0.1
    table = np.histogram2d(fold, held_out, (5, 2))[0]
    expected = table.sum(1, keepdims=True) * table.sum(0) / n
    assert ((table - expected) ** 2 / expected).sum() < 20
    for name in ("run", "lumi"):
        other = fold_numbers({**columns, name: columns[name] + 1}, ["a.root"], IDS, FIVE)
        assert (other == fold).mean() == pytest.approx(0.2, abs=0.02)


def test_where_no_id_is_above_zero_file_name_and_entry_count():
    columns = rows(1000, event=np.where(np.arange(1000) < 500, 0, 9))
    found = event_hash(columns, ["/x/a.root"], IDS)
    np.testing.assert_array_equal(found[:500], example_hash("a.root", np.arange(500)))
    assert len(np.unique(found[500:])) == 1
    # A run alone names no event.
    np.testing.assert_array_equal(event_hash(rows(9, run=np.full(9, 3)), ["a.root"], IDS), example_hash("a.root", np.arange(9)))


def test_the_folds_never_change():
    # Written down once: a change would let models be judged on events that they have seen.
    columns = rows(8, run=np.full(8, 1), event=np.arange(8) + 100)
    assert fold_numbers(columns, ["a.root"], IDS, FIVE).tolist() == FROZEN


FROZEN = [4, 2, 1, 1, 1, 4, 3, 0]
