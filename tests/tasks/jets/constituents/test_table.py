"""The table of constituents: order, what is left out, what is counted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pphysml.io.ragged import Array
from pphysml.tasks.jets.constituents.table import packed


def one_by_one(columns: list[Array], offsets: Array, most: int) -> tuple[list[Array], list[int]]:
    rows, numbers = [], []
    for start, stop in pairwise(offsets):
        its = np.stack([column[start:stop] for column in columns], -1)
        pt = np.hypot(its[:, 0], its[:, 1])
        its = its[np.argsort(-pt, kind="stable")][: (pt > 0).sum()]
        rows.append(its[:most])
        numbers.append(len(its))
    return rows, numbers


@pytest.mark.parametrize("most", [128, 5, 1])
@pytest.mark.parametrize("kind", ["mixed", "falling", "nearly falling", "with some of no momentum"])
def test_the_hardest_constituents_of_each_jet_come_first(kind: str, most: int) -> None:
    rng = np.random.default_rng(2)
    counts = np.array([0, 3, 0, 0, 12, 1, 30, 0])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    columns = [*rng.normal(0, 10, (2, counts.sum())).astype(np.float32), np.arange(counts.sum(), dtype=np.float32)]
    if "momentum" in kind:
        columns[0][[1, 20]] = columns[1][[1, 20]] = 0  # candidates of weight 0
    elif kind != "mixed":
        rows, _ = one_by_one(columns, offsets, 999)
        columns = [*np.concatenate(rows).T.copy()]
        for first, second in ((3, 9), (16, 17), (44, 45)) if "nearly" in kind else ():
            for column in columns:
                column[[first, second]] = column[[second, first]]
    table, numbers = packed(columns, offsets, most)
    expected, expected_numbers = one_by_one(columns, offsets, most)
    np.testing.assert_array_equal(numbers, expected_numbers)
    assert [len(row) for row in expected] == table.counts.tolist()
    np.testing.assert_array_equal(table.flat, np.concatenate(expected))


def test_there_may_be_no_jets_and_no_constituents() -> None:
    nothing = [np.zeros(0, np.float32)] * 3
    for jets in (0, 4):
        table, numbers = packed(nothing, np.zeros(jets + 1, np.int64), 10)
        assert len(table) == len(numbers) == jets and table.flat.shape == (0, 3)
    zero = [np.zeros(2, np.float32)] * 3
    table, numbers = packed(zero, np.array([0, 2]), 10)
    assert table.counts.tolist() == numbers.tolist() == [0]


def test_large_tables_are_filled_in_pieces() -> None:
    rng = np.random.default_rng(3)
    columns = [*rng.normal(0, 10, (5, 9000)).astype(np.float32)]
    offsets = np.arange(0, 9001, 30)
    table, _ = packed(columns, offsets, 20)
    np.testing.assert_array_equal(table.flat, np.concatenate(one_by_one(columns, offsets, 20)[0]))
