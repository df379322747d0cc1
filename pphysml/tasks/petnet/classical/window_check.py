"""Whether the window cuts the peak of the time differences."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from ..coincidences.candidates import count_pairs
from ..reading.time_grid import grid_step

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

MANY = 50_000
"""Singles in which a clock is looked for."""


class WindowCheck:
    """Counts pairs of all singles, whatever the policy and the cuts, until there were enough singles.

    Differences of the times of a clock are whole steps of it, so that all ranges hold whole steps.

    Args:
        window: ps.
        enough: singles.
    """

    def __init__(self, window: int, enough: int) -> None:
        self.window, self.enough = window, enough
        self.step = 0.0
        self.n_singles = self.n_inside = self.n_edge = self.n_apart = 0

    @property
    def wanted(self) -> bool:
        """Whether more singles are."""
        return self.n_singles < self.enough

    @property
    def steps(self) -> tuple[int, int]:
        """Steps of the clock in the window, and those of them at its end."""
        inside = int(np.floor(self.window / self.step + 1e-6))
        return inside, max(1, round(EDGE * inside))

    def add(self, offsets: Array, n_owned: Array, times: Array) -> None:
        """Count in slices; see `coincidences.candidates.count_pairs`."""
        if not self.wanted or not len(times):
            return
        self.n_singles += len(times)
        if not self.step:
            # Every slice counts from its first single.
            self.step = max(1.0, grid_step(times[:MANY].astype(np.float64)))
        owned = np.asarray(n_owned, dtype=np.int64)
        inside, edge = self.steps

        def counted(first: int, last: int) -> int:
            """Return the pairs whose differences are these numbers of steps, and those between; times are rounded to whole ps."""
            number: int = count_pairs(offsets, owned, times, max(0, int(np.ceil((first - 0.5) * self.step))), int(np.ceil((last + 0.5) * self.step)) - 1)
            return number

        self.n_inside += counted(0, inside)
        self.n_edge += counted(inside - edge + 1, inside)
        self.n_apart += counted(APART * inside + 1, (APART + SPAN) * inside)

    @property
    def sentence(self) -> str | None:
        """What should be known; None if the window is long enough, or too few pairs tell."""
        if not self.step or self.step > self.window:
            return None
        inside, edge = self.steps
        random = self.n_apart / (SPAN * inside)
        beyond = self.n_edge - random * edge
        # Of two singles at the same time, either may be the first: half as many pairs as of another difference.
        peak = self.n_inside - random * (inside + 0.5)
        error = np.sqrt(self.n_edge + random * edge * edge / (SPAN * inside))
        if peak <= 0 or beyond < SIGNIFICANT * max(error, 1.0) or beyond < LARGEST_SHARE * peak:
            return None
        level = f"{self.n_edge / (random * edge):.3g} times as many as random ones would be" if random else "where random ones would be none"
        return (f"the window of {self.window} ps cuts the peak of the time differences: its last {edge * self.step:.4g} ps have {beyond / peak:.1%} of the pairs that are not "
                f"random ({self.n_edge} pairs, {level}); take a longer --window, or, if crystals have fixed delays, "
                "--set apply.calibrate_delays=true with data.max_delay")
