"""Whether as many true pairs are expected, stretch by stretch, as there are more pairs in the window than random ones."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, ragged

STRETCH = 100_000
"""Singles that are looked at together."""

SIGNIFICANT = 5.0
"""Standard deviations."""

WRONG = 0.1
"""Share of the true pairs by which what is expected may be wrong."""


class ExpectedPairs:
    """Adds up slices, and compares."""

    def __init__(self) -> None:
        self._n = 0
        # Of each stretch: pairs that are expected, pairs in the window, random ones, time of its first single.
        self._sums = np.zeros((0, 4))

    def add(self, examples: Columns, expected: Array, pairs: Array, randoms: Array) -> None:
        """Take slices, with the true pairs that are expected of each, its pairs in the window, and how many of these are random."""
        own, time = np.asarray(examples["n_owned"], dtype=np.int64), ragged(examples, "time")
        stretch = (self._n + np.cumsum(own) - own) // STRETCH
        self._n += int(own.sum())
        if not len(own):
            return
        first = np.full(int(stretch[-1]) + 1 - len(self._sums), np.inf)
        self._sums = np.concatenate([self._sums, np.column_stack([np.zeros((len(first), 3)), first])])
        for column, values in enumerate((expected, pairs, randoms)):
            np.add.at(self._sums[:, column], stretch, values)
        begins = time.flat[np.minimum(time.offsets[:-1], max(len(time.flat) - 1, 0))]
        np.minimum.at(self._sums[:, 3], stretch, begins)

    @property
    def sentences(self) -> list[str]:
        """What should be known, sentences without full stops."""
        expected, pairs, randoms, begins = self._sums.T
        excess = pairs - randoms
        wrong = np.abs(expected - excess) > SIGNIFICANT * np.sqrt(pairs + 1.0) + WRONG * np.maximum(excess, 0.0)
        if not wrong.any():
            return []
        worst = int(np.argmax(np.where(wrong, np.abs(expected - excess) / np.sqrt(pairs + 1.0), 0.0)))
        return [f"in {wrong.sum()} of {len(wrong)} stretches of {STRETCH} singles what was learnt does not fit the data: of those from {begins[worst]:.6g} s on "
                f"{expected[worst]:.0f} true pairs are expected, and there are {excess[worst]:.0f} more than random ones; their scores are not to be trusted"]
