"""Lines of targets and of pairs, kept one by one for pictures: the same share of each, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....io.ragged import Array
from .reconstruction import WeightedLines
from .truth import Truth

MOST = {"targets": 100_000, "prompts": 100_000, "delayed": 100_000, "candidates": 400_000}
"""Lines of each kind that are kept; when one has more, half of all clusters of singles are left out, of every kind."""

MOST_SINGLES = 50_000

Chosen = tuple[Array, Array, Array]
"""First single, second single and weight of some pairs."""


class KeptLines:
    """Which lines are kept depends on times only, and not on how slices come.

    Args:
        offset: of the delayed window, ps, without which the time differences of delayed pairs are kept.
    """

    def __init__(self, offset: float) -> None:
        self.offset = offset
        self._lines = {name: Thinned(9) for name in MOST}
        self._singles = Thinned(4)

    def add(self, truth: Truth, pairs: Mapping[str, Chosen]) -> None:
        """Add a chunk; `pairs` are those of the kinds in `MOST`."""
        chance = _chance(truth.start)[truth.cluster]
        used = np.flatnonzero(truth.used)
        self._singles.add(np.column_stack([chance[used], truth.position[used]]))
        while self._singles.n > MOST_SINGLES:
            self._singles.thin(self._singles.share / 2)
        for name, (first, second, weight) in pairs.items():
            # The difference of two large times is exact.
            dt = 1e12 * (truth.time[second] - truth.time[first])
            dt = np.abs(dt) - self.offset if name == "delayed" else dt
            self._lines[name].add(np.column_stack([chance[first], truth.position[first], truth.position[second], dt, weight]))
        while any(self._lines[name].n > most for name, most in MOST.items()):
            for lines in self._lines.values():
                lines.thin(lines.share / 2)

    def lines(self, name: str) -> WeightedLines:
        """Return the lines of a kind."""
        rows = self._lines[name].rows
        return WeightedLines(rows[:, 1:4], rows[:, 4:7], rows[:, 7], rows[:, 8])

    @property
    def share(self) -> float:
        """Share of the clusters of singles whose lines are kept."""
        return self._lines["targets"].share

    @property
    def singles(self) -> Array:
        """Places of singles, mm, (n, 3)."""
        return self._singles.rows[:, 1:].astype(np.float64)


class Thinned:
    """Rows whose first value, evenly spread from 0 to 1, is below the share that is kept.

    Attributes:
        share: that is kept; n: number of rows.
    """

    def __init__(self, columns: int) -> None:
        self.share, self.n = 1.0, 0
        self._parts = [np.zeros((0, columns), dtype=np.float32)]

    def add(self, rows: Array) -> None:
        """Add rows, (n, columns)."""
        self._parts.append(rows[rows[:, 0] < self.share].astype(np.float32))
        self.n += len(self._parts[-1])

    def thin(self, share: float) -> None:
        """Keep a smaller share."""
        rows = self.rows
        self.share = share
        self._parts = [rows[rows[:, 0] < share]]
        self.n = len(self._parts[0])

    @property
    def rows(self) -> Array:
        """All rows, float32 (n, columns)."""
        if len(self._parts) > 1:
            self._parts = [np.concatenate(self._parts)]
        return self._parts[0]


def _chance(start: Array) -> Array:
    """Return a number from 0 to below 1 for each time, by mixing its bits; other ones than deal clusters to groups.

    Source: G. L. Steele, D. Lea, C. H. Flood, OOPSLA 2014, 453 (the finalizer of SplitMix64).
    """
    mixed = (start + 0.0).view(np.uint64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    # Few enough bits to stay below 1 in single precision.
    found: Array = (mixed >> np.uint64(40)) / 2.0**24
    return found
