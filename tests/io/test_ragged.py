"""Rows of columns, flat and ragged."""

from __future__ import annotations

import numpy as np
import pytest

from pphysml.io.ragged import Columns, Ragged, take

ROWS = [[1, 2], [], [3], [4, 5, 6], []]
OTHERS = [[1], [2, 3], [], [], [4]]


def columns() -> Columns:
    table = Ragged(np.arange(18, dtype=np.float32).reshape(6, 3), Ragged.from_rows(ROWS, np.int64).offsets)
    return {"number": np.arange(5), "first": Ragged.from_rows(ROWS, np.int64), "same": Ragged.from_rows(ROWS, np.float64), "other": Ragged.from_rows(OTHERS, np.int64), "table": table}


@pytest.mark.parametrize("rows", [np.array([3, 0, 3, 1]), np.array([], np.int64), np.array([True, False, False, True, True]), np.zeros(5, bool), np.ones(5, bool)])
def test_the_rows_of_every_column_are_taken_whatever_their_lengths(rows) -> None:
    found = take(columns(), rows)
    numbers = [int(k) % 5 for k in (np.flatnonzero(rows) if rows.dtype == bool else rows)]
    assert np.asarray(found["number"]).tolist() == numbers
    for name, lists in (("first", ROWS), ("same", ROWS), ("other", OTHERS)):
        assert [found[name][k].tolist() for k in range(len(numbers))] == [lists[k] for k in numbers]
        assert found[name].flat.dtype == columns()[name].flat.dtype
    assert [found["table"][k].tolist() for k in range(len(numbers))] == [columns()["table"][k].tolist() for k in numbers]
