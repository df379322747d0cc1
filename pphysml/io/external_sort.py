"""Rows of any number in the order of some of their columns: sorted runs in temporary files, merged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from .ragged import Array, Columns, concatenate, length, slice_rows, take
from .spilled import Spilled

RUN = 2_000_000
"""Rows that are sorted at a time."""

BLOCK = 500_000
"""Rows that are merged at a time, about."""

SAMPLES = 8
"""Rows of each run, about, by whose values the rows of a block are bounded."""


class ExternalSort:
    """Sorts rows with no more than some millions of them in memory; equal ones keep the order in which they came.

    Temporary files hold all rows once, if they are more than a run.

    Args:
        by: columns, the first counts most; rows with equal ones come in one block.
        within: further columns by which these are sorted; those that rows do not have are left out.
        what: the rows are called in errors.
        run: rows that are sorted at a time.
        block: rows that are returned at a time, about.
    """

    def __init__(self, by: Sequence[str], within: Sequence[str] = (), what: str = "Rows", run: int = RUN, block: int = BLOCK) -> None:
        self.by, self.within, self.run, self.block = tuple(by), tuple(within), run, block
        self._pool: list[Columns] = []
        self._pooled = 0
        self._spilled = Spilled(what)

    def add(self, rows: Columns) -> None:
        """Take rows.

        Raises:
            OutputError: the temporary files cannot be written.
        """
        n = length(rows)
        for start in range(0, n, self.run):
            part = slice_rows(rows, start, min(start + self.run, n))
            if self._pooled + length(part) > self.run:
                self._spilled.write(self._sorted_pool())
            self._pool.append(part)
            self._pooled += length(part)

    def blocks(self) -> Iterator[Columns]:
        """Yield all rows in order; none may be added afterwards."""
        pooled = self._sorted_pool()
        runs = [*self._spilled.opened(), *([pooled] if length(pooled) else [])]
        try:
            for rows in merged(runs, self.by, self.block) if len(runs) > 1 else runs:
                yield take(rows, order(rows, (*self.by, *self.within))) if len(runs) > 1 else rows
        finally:
            self._spilled.remove()

    def _sorted_pool(self) -> Columns:
        rows = concatenate(self._pool)
        self._pool, self._pooled = [], 0
        return take(rows, order(rows, (*self.by, *self.within))) if rows else {}


def order(rows: Columns, names: Sequence[str]) -> Array:
    """Return the rows sorted by those of the columns that they have, the first counts most."""
    found: Array = np.lexsort([np.asarray(rows[name]) for name in reversed(names) if name in rows])
    return found


def merged(runs: Sequence[Columns], by: Sequence[str], block: int) -> Iterator[Columns]:
    """Yield the rows of runs that are sorted `by` some columns, block by block in their order; in a block, run after run.

    Args:
        runs: at least one, of at least one row each.
        block: rows of a block, about; rows with equal columns `by` are in one.
    """
    step = max(1, block // (SAMPLES * len(runs)))
    samples = [np.concatenate([np.asarray(run[name])[::step] for run in runs]) for name in by]
    edges = np.lexsort(samples[::-1])[SAMPLES * len(runs) :: SAMPLES * len(runs)]
    bounds = [[values[edge] for values in samples] for edge in edges]
    places = [[0, *(_place(run, by, bound) for bound in bounds), length(run)] for run in runs]
    for k in range(len(bounds) + 1):
        rows = concatenate([slice_rows(run, place[k], place[k + 1]) for run, place in zip(runs, places, strict=True)])
        if length(rows):
            yield rows


def _place(run: Columns, by: Sequence[str], bound: Sequence[Any]) -> int:
    """Return how many rows of a run come before the first that is not below a bound."""
    low, high = 0, length(run)
    for name, value in zip(by, bound, strict=True):
        among = np.asarray(run[name])[low:high]
        low, high = low + int(np.searchsorted(among, value, "left")), low + int(np.searchsorted(among, value, "right"))
    return low
