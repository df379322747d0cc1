"""Singles, targets and pairs in bins of time, for the rate of singles at which they were taken."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from .growing_histograms import GrowingHistogram
from .targets import Targets, Verdict
from .truth import Truth

KINDS = ("singles", "targets", "found", "pairs")
BINS = 256
ENOUGH = 1000
"""Singles in a time that is long against all that has to do with each other."""

FEWEST = 100
"""Singles of a run in the mean, below which its length is not that from the first to the last one."""

FIRST_RANGE = 1e-6
"""s; doubled until a run fits."""


class RateBins:
    """Counts of `KINDS` in bins of time, of each run by itself.

    A run keeps `BINS` bins of whatever width it needs, and times are counted from its first single.
    """

    def __init__(self) -> None:
        self._runs: dict[int, tuple[float, GrowingHistogram]] = {}
        self._last: dict[int, float] = {}

    def add(self, run: Array, truth: Truth, targets: Targets, verdict: Verdict, first: Array) -> None:
        """Add a chunk.

        Args:
            run: a number for the file and run of each single, (N,).
            first: first single of each prompt pair, (P,).
        """
        own = np.flatnonzero(truth.owned)
        for number in np.unique(run[own]):
            mine = own[run[own] == number]
            origin, counts = self._runs.setdefault(
                int(number), (float(truth.time[mine].min()), GrowingHistogram((len(KINDS),), BINS, FIRST_RANGE)))
            singles = (mine[truth.used[mine]], targets.first, targets.first[verdict.found], first)
            for row, of in enumerate(singles):
                since = truth.time[of[run[of] == number]] - origin
                counts.fill((row,), np.maximum(since, 0.0))
            self._last[int(number)] = max(self._last.get(int(number), -np.inf), float(truth.time[mine].max()))

    @property
    def duration(self) -> float:
        """Time from the first to the last single, summed over runs, s."""
        return sum(self._last[number] - origin for number, (origin, _) in self._runs.items())

    @property
    def squared(self) -> float:
        """Sum of n (n - 1) / width over times with n singles, 1/s: pairs of singles within tau are tau times as many.

        Times are bins, or so many in turn that there are `ENOUGH` singles, among which those of one decay
        do not count. NaN if runs have too few singles to tell how long they are.
        """
        n, width = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
        for number, (origin, histogram) in self._runs.items():
            n.append(histogram.counts[0])
            width.append(np.clip(self._last[number] - origin - histogram.edges[:-1], 0.0, np.diff(histogram.edges)))
        singles = np.concatenate(n)
        if singles.sum() < FEWEST * len(self._runs):
            return float("nan")
        group = np.cumsum(singles) // ENOUGH
        # The last group is cut off by the end, and so belongs to the one before.
        group = np.minimum(group, max(0, int(group.max(initial=0)) - 1)).astype(np.int64)
        counts, times = np.bincount(group, singles), np.bincount(group, np.concatenate(width))
        return float((counts * (counts - 1))[times > 0] @ (1.0 / times[times > 0]))

    def counts(self) -> tuple[Array, Array]:
        """Return counts per s of singles, (B,), and counts of `KINDS`, (B, 4), in all filled bins.

        Bins that a run's end cuts off are left out, since their rate is not known.
        """
        rates, rows = [np.zeros(0)], [np.zeros((0, len(KINDS)), dtype=np.int64)]
        for number, (origin, histogram) in self._runs.items():
            whole = histogram.edges[1:] <= self._last[number] - origin
            rates.append(histogram.counts[0, whole] / np.diff(histogram.edges)[whole])
            rows.append(histogram.counts.T[whole])
        return np.concatenate(rates), np.concatenate(rows)
