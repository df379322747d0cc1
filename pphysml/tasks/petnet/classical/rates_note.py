"""What the rates of singles say of the randoms, beside the delayed window, without truth."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from ..coincidences.cut_kernel import Cuts, Singles, which_good

DRAWN = 1_000_000
"""Pairs of singles from which the share that passes the cuts is learnt."""

LEAST_SINGLES = 100
"""Singles of a slice, below which it does not tell the rate."""


class RatesNote:
    """Sums 2 tau S1 S2 over slices of time, each with its own rate.

    The share of pairs that pass the cuts is that of the first singles: randoms come from all pairs of
    different places.

    Args:
        window: tau, ps.
    """

    def __init__(self, window: float) -> None:
        self.window = window
        self.n_delayed = 0
        self._share: float | None = None
        self._squared = 0.0

    def add(self, singles: Singles, cuts: Cuts, n_delayed: int) -> None:
        """Take slices with so many delayed pairs."""
        self.n_delayed += n_delayed
        if self._share is None and len(singles.time):
            self._share = _good_share(singles, cuts)
        many = np.flatnonzero(singles.n_owned >= LEAST_SINGLES)
        begin, n = singles.offsets[many], singles.n_owned[many].astype(np.float64)
        duration = singles.time[begin + singles.n_owned[many] - 1] - singles.time[begin]
        told = duration > 0
        self._squared += float((n * (n - 1))[told] @ (1.0 / duration[told]))

    @property
    def sentence(self) -> str | None:
        """What was found; None if there is nothing."""
        if not self._squared or self._share is None:
            return None
        return (f"the delayed window gives {self.n_delayed} random pairs, the rates of the singles {self.window * self._squared * self._share:.0f} "
                "(2 tau S1 S2 over all pairs that pass the cuts, before a policy takes some of them)")


def _good_share(singles: Singles, cuts: Cuts) -> float:
    """Return the share of pairs of different places that pass the cuts."""
    first, second = np.random.default_rng(0).integers(0, len(singles.time), (2, DRAWN))
    good: Array = which_good(singles, cuts, first, second)
    same = (singles.x[first] == singles.x[second]) & (singles.y[first] == singles.y[second]) & (singles.z[first] == singles.z[second])
    return float((good & ~same).mean())
