"""The first singles of a measurement, from which engines learn what must be known of it."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Columns, Ragged, slice_rows

LOOKED_AT = ("slice", "segment", "n_owned", "time", "energy", "x", "y", "z", "system_id", "rsector_id", "volume_key")
"""Columns from which engines find pairs."""


class FirstSingles:
    """Cuts a stream of slices after so many singles, wherever blocks of the input end.

    So what is learnt depends neither on how much of a file is read at a time nor on a delayed window.

    Args:
        enough: singles; the slice that reaches them is the last.

    Attributes:
        wanted: whether there are fewer so far.
    """

    def __init__(self, enough: int) -> None:
        self.enough = enough
        self.wanted = True
        self._n = 0

    def of(self, examples: Columns) -> Columns:
        """Return those of the next slices that are among the first, with their own singles only."""
        counts = np.asarray(examples["n_owned"], dtype=np.int64)
        reached = self._n + np.cumsum(counts)
        n_slices = min(int(np.searchsorted(reached, self.enough)) + 1, len(counts)) if self.wanted else 0
        self._n += int(counts[:n_slices].sum())
        self.wanted = self._n < self.enough
        return own_singles(slice_rows(examples, 0, n_slices))


def own_singles(examples: Columns) -> Columns:
    """Return slices without the singles that are lent to them for delayed pairs."""
    n_owned = np.asarray(examples["n_owned"], dtype=np.int64)
    time = examples["time"]
    assert isinstance(time, Ragged)
    if np.array_equal(time.counts, n_owned):
        return examples
    own = np.arange(len(time.flat)) - np.repeat(time.offsets[:-1], time.counts) < np.repeat(n_owned, time.counts)
    return {name: Ragged.from_counts(column.flat[own], n_owned) if isinstance(column, Ragged) else column
            for name, column in examples.items()}
