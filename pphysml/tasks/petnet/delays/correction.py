"""Slices of singles whose times are corrected for the delays of their crystals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, Ragged, ragged
from ..coincidences.pairs import Pairs
from ..reading.first_singles import LOOKED_AT
from ..reading.slices import PICOSECOND, slice_times
from ..scanner.crystals import CrystalIndex
from .fit import Fit

SMALL = 0.1
"""Differences of delays over the window that cost no pairs."""

SPARE = 1.2
"""What is advised over the largest difference found: pairs that were lost may have had larger ones."""


@dataclass(frozen=True)
class Delays:
    """Delays of crystals, to be taken from the times of their singles."""

    index: CrystalIndex
    fit: Fit

    def corrected(self, examples: Columns) -> tuple[Columns, Array]:
        """Return slices in the order of their corrected times, and which single each one was, int64.

        They have the columns `LOOKED_AT`, with times since some time of their slice, s: whenever a measurement
        began, these are as fine as differences of times. Own singles stay before those that are lent.
        """
        time, times = ragged(examples, "time"), self.times(examples)
        order = time_order(time.offsets, times)
        slices = {name: examples[name] for name in LOOKED_AT if name in examples} | {"time": Ragged(times * PICOSECOND, time.offsets)}
        return {name: Ragged(column.flat[order], column.offsets) if isinstance(column, Ragged) else column for name, column in slices.items()}, order

    def times(self, examples: Columns) -> Array:
        """Return the times of all singles since some time of their slice, less the delays, ps, int64."""
        delay = np.append(np.rint(self.fit.delay), 0.0).astype(np.int64)
        times: Array = slice_times(examples) - delay[self.index.of(examples)]
        return times

    def sentence(self, max_delay: float, window: float) -> str:
        """Return what was found, and whether the largest difference that was expected, or left room for, is too small; ps."""
        known = self.fit.delay[self.fit.known]
        if not len(known):
            return f"delays of none of {len(self.index)} crystals could be measured: there are too few true pairs"
        left = len(self.index) - len(known)
        without = f"; {left} others have too few pairs, and their times stay as they are" if left else ""
        widest = float(np.ptp(known))
        more = (f"; take data.max_delay={_two_digits(SPARE * widest):g}ps instead of {max_delay:g}ps, lest pairs be lost"
                if widest > max(max_delay, SMALL * window) else "")
        return (f"delays of {len(known)} crystals were measured and corrected: they differ by up to {_rounded(widest)} ps, with a "
                f"standard deviation of {_rounded(known.std())} ps; that of the time difference of pairs is {_rounded(self.fit.sigma)} ps then{without}{more}")


def _rounded(value: float) -> str:
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def _two_digits(value: float) -> float:
    """Return the next larger number with two digits."""
    step: float = 10 ** np.floor(np.log10(value) - 1)
    return float(np.ceil(value / step) * step)


def with_corrected_times(delays: Delays | None, examples: Columns, find: Callable[[Columns], Pairs]) -> Pairs:
    """Return the pairs that are found in slices with corrected times, numbered as in the slices themselves.

    Args:
        delays: None corrects nothing.
        find: slices to their pairs.
    """
    if delays is None:
        return find(examples)
    slices, order = delays.corrected(examples)
    return _numbered(find(slices), order)


def _numbered(pairs: Pairs, order: Array) -> Pairs:
    """Return pairs of reordered singles with the indices that these had, in the order of the first."""
    one, other = order[pairs.first], order[pairs.second]
    first, second = np.minimum(one, other), np.maximum(one, other)
    again = np.lexsort((second, first, pairs.kind))
    return Pairs(first[again], second[again], pairs.score[again], pairs.multiplicity[again], pairs.kind[again])


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
