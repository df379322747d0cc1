"""Calibration of the crystals' delays in the data themselves, without truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....errors import InputError
from ....io.ragged import Array, Columns, Ragged
from ..pairs.candidates import between
from ..scanner.scanner import Scanner
from .crystals import CrystalIndex
from .cut_kernel import Cuts, which_good
from .delay_fit import Fit, PairTimes, fit_delays
from .sorter import ragged, singles_of, slice_times

MOST_PAIRS = 10_000_000
"""Pairs from which delays are learnt at most."""

FEWEST_OF_CRYSTAL = 3
"""Singles of a crystal in the mean, below which positions are not those of crystals."""


def _rounded(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


@dataclass(frozen=True)
class Delays:
    """Delays of crystals, to be taken from the times of their singles."""

    index: CrystalIndex
    fit: Fit

    def corrected(self, examples: Columns) -> Array:
        """Return the times of all singles since some time of their slice, less the delays, ps, int64."""
        delay = np.append(np.rint(self.fit.delay), 0.0).astype(np.int64)
        times: Array = slice_times(examples) - delay[self.index.of(examples)]
        return times

    @property
    def sentence(self) -> str:
        """What was found."""
        known = self.fit.delay[self.fit.known]
        if not len(known):
            return f"delays of none of {len(self.index)} crystals could be measured: there are too few true pairs"
        left = len(self.index) - len(known)
        without = f"; {left} others have too few pairs, and their times stay as they are" if left else ""
        return (f"delays of {len(known)} crystals were measured and corrected: they differ by up to {_rounded(np.ptp(known))} ps, with a "
                f"standard deviation of {_rounded(known.std())} ps; that of the time difference of pairs is {_rounded(self.fit.sigma)} ps then{without}")


class DelaySurvey:
    """Gathers the time differences of pairs.

    An object off the axis looks like delays, since its photons reach one side earlier: up to 3.3 ps for
    each mm. What is measured includes it, and so the window stays about the object.

    Args:
        scanner: tells the crystals; None takes ids, or positions.
        cuts: pairs that pass them are looked at.
        reach: largest difference of the measured times of a true pair, ps.
    """

    def __init__(self, scanner: Scanner | None, cuts: Cuts, reach: float) -> None:
        self.index = CrystalIndex(scanner)
        self.cuts, self.reach = cuts, round(reach)
        self.n_singles = self.n_pairs = 0
        self._parts: list[tuple[Array, Array, Array]] = []

    def add(self, examples: Columns) -> None:
        """Take slices; pairs beyond `MOST_PAIRS` are left out."""
        crystal, times = self.index.add(examples), slice_times(examples)
        offsets = ragged(examples, "time").offsets
        pairs = between(offsets, np.asarray(examples["n_owned"], dtype=np.int64), times, 0, 2 * self.reach, 0)
        a, b = crystal[pairs.first], crystal[pairs.second]
        good = which_good(singles_of(examples, times), self.cuts, pairs.first, pairs.second) & (a != b) & (a >= 0) & (b >= 0)
        kept = np.flatnonzero(good)[: MOST_PAIRS - self.n_pairs]
        self._parts.append((a[kept].astype(np.int32), b[kept].astype(np.int32), pairs.dt[kept].astype(np.float32)))
        self.n_singles += len(crystal)
        self.n_pairs += len(kept)

    def delays(self) -> Delays:
        """Return what the pairs tell.

        Raises:
            InputError: there is nothing that tells the crystal of a single.
        """
        if self.n_singles < FEWEST_OF_CRYSTAL * len(self.index):
            raise InputError(f"There are {len(self.index)} different crystals for {self.n_singles} singles, too many to measure their delays: "
                             "give the branches of their ids (--map rsector_id=BRANCH and so on) or the scanner (--scanner).")
        a, b, dt = (np.concatenate([part[i] for part in self._parts]) if self._parts else np.zeros(0) for i in range(3))
        pairs = PairTimes(a.astype(np.int64), b.astype(np.int64), dt.astype(np.float64), self.reach)
        return Delays(self.index, fit_delays(pairs, len(self.index)))


def in_order(examples: Columns, times: Array) -> tuple[Columns, Array]:
    """Return slices with their singles in the order of other times, and which single each one was, int64."""
    order = time_order(ragged(examples, "time").offsets, times)
    return {name: Ragged(column.flat[order], column.offsets) if isinstance(column, Ragged) else column for name, column in examples.items()}, order


@njit(cache=True, nogil=True)
def time_order(offsets: NDArray[np.int64], times: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the indices that sort times inside each slice; they are nearly sorted."""
    order = np.arange(len(times))
    for k in range(len(offsets) - 1):
        for i in range(offsets[k] + 1, offsets[k + 1]):
            j = i
            while j > offsets[k] and times[order[j - 1]] > times[i]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = i
    return order
