"""Whether the window cuts the peak of the time differences."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from ..coincidences.candidates import count_pairs

APART = 10
"""Windows between two singles that make them random."""

SPAN = 2
"""Windows in which random pairs are counted."""

EDGE = 0.1
"""Part of the window, at its end, in which the peak should have ended."""

LARGEST_SHARE = 0.01
"""Share of the true pairs in that part above which the window cuts the peak; of a Gaussian that is cut at 2.6 standard deviations."""

SIGNIFICANT = 5.0
"""Standard deviations."""


class WindowCheck:
    """Counts pairs of all singles, whatever the policy and the cuts, until there were enough singles.

    Args:
        window: ps.
        enough: singles.
    """

    def __init__(self, window: int, enough: int) -> None:
        self.window, self.enough = window, enough
        self.edge = window - max(1, round(EDGE * window))
        self.n_singles = self.n_inside = self.n_edge = self.n_apart = 0

    @property
    def wanted(self) -> bool:
        """Whether more singles are."""
        return self.n_singles < self.enough

    def add(self, offsets: Array, n_owned: Array, times: Array) -> None:
        """Count in slices; see `coincidences.candidates.count_pairs`."""
        if not self.wanted:
            return
        self.n_singles += len(times)
        owned = np.asarray(n_owned, dtype=np.int64)
        self.n_inside += count_pairs(offsets, owned, times, 0, self.window)
        self.n_edge += count_pairs(offsets, owned, times, self.edge + 1, self.window)
        self.n_apart += count_pairs(offsets, owned, times, APART * self.window + 1, (APART + SPAN) * self.window)

    @property
    def sentence(self) -> str | None:
        """What should be known; None if the window is long enough, or too few pairs tell."""
        random = self.n_apart / (SPAN * self.window)
        width = self.window - self.edge
        beyond = self.n_edge - random * width
        peak = self.n_inside - random * (self.window + 1)
        error = np.sqrt(self.n_edge + random * width * width / (SPAN * self.window))
        if beyond < SIGNIFICANT * max(error, 1.0) or beyond < LARGEST_SHARE * peak:
            return None
        level = f"{self.n_edge / (random * width):.3g} times as many as random ones would be" if random else "where random ones would be none"
        return (f"the window of {self.window} ps cuts the peak of the time differences: its last {width} ps have {beyond / peak:.1%} of the pairs that are not "
                f"random ({self.n_edge} pairs, {level}); take a longer --window, or, if crystals have fixed delays, "
                "--set apply.calibrate_delays=true with data.max_delay")
