"""Pairs of singles that are near enough in time to be a coincidence, and pairs that cannot be one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....errors import InputError
from ....io.ragged import Array, Columns, ragged
from ..reading.slices import slice_times

MOST_PER_SINGLE = 100
"""Candidates per single beyond which a window makes no sense."""


class Candidates(NamedTuple):
    """Pairs of singles of slices.

    Attributes:
        first, second: int64 (P,), indices into the flat singles; `first` is the earlier one.
        dt: float64 (P,), time of the second less that of the first, less the delay of the window, ps.
    """

    first: Array
    second: Array
    dt: Array


def joined_candidates(*parts: Candidates) -> Candidates:
    """Return several one after the other."""
    return Candidates(*(np.concatenate(of) for of in zip(*parts, strict=True)))


def candidates(examples: Columns, window: float, offset: float = 0.0, times: Array | None = None) -> Candidates:
    """Return the pairs of all slices whose time difference is from the offset to the window beyond it.

    So there are as many random pairs with an offset as without one: a pair comes once, its earlier
    single first.

    Args:
        window, offset: ps. Without an offset both singles are the slice's own; with one the first is.
        times: ps, int64, in the order of time inside each slice; those of the singles if None.

    Raises:
        InputError: there are a hundred candidates per single.
    """
    time = ragged(examples, "time")
    t = slice_times(examples) if times is None else times
    low = round(offset)
    return between(time.offsets, np.asarray(examples["n_owned"], dtype=np.int64), t, low, low + round(window), low)


def slice_of(examples: Columns, pairs: Candidates) -> Array:
    """Return the slice of each pair, int64 (P,)."""
    found: Array = np.searchsorted(ragged(examples, "time").offsets, pairs.first, side="right") - 1
    return found


def between(offsets: Array, n_owned: Array, times: Array, low: int, high: int, centre: int) -> Candidates:
    """Return the pairs whose time difference is from `low` to `high`, both included; see `candidates`."""
    n = count_pairs(offsets, n_owned, times, low, high)
    if n > MOST_PER_SINGLE * max(1, len(times)):
        raise InputError(f"There are {n / len(times):.0f} pairs per single whose times differ by {low} to {high} ps; take a shorter --window.")
    found = np.empty((2, n), dtype=np.int64)
    fill_pairs(offsets, n_owned, times, low, high, found)
    first, second = found
    return Candidates(first, second, (times[second] - times[first] - centre).astype(np.float64))


@njit(cache=True, nogil=True)
def count_pairs(offsets: NDArray[np.int64], n_owned: NDArray[np.int64], t: NDArray[np.int64], low: int, high: int) -> int:
    """Return the number of pairs that `fill_pairs` finds."""
    n = 0
    for k in range(len(n_owned)):
        begin, own = offsets[k], offsets[k] + n_owned[k]
        stop = offsets[k + 1] if low > 0 else own
        a = b = begin
        for i in range(begin, own):
            a = max(a, i + 1)
            while a < stop and t[a] - t[i] < low:
                a += 1
            b = max(a, b)
            while b < stop and t[b] - t[i] <= high:
                b += 1
            n += b - a
    return n


@njit(cache=True, nogil=True)
def fill_pairs(offsets: NDArray[np.int64], n_owned: NDArray[np.int64], t: NDArray[np.int64], low: int, high: int, out: Array) -> None:
    """Write the pairs of own singles with later ones, which may be lent if `low` is positive, to `out` (2, P)."""
    n = 0
    for k in range(len(n_owned)):
        begin, own = offsets[k], offsets[k] + n_owned[k]
        stop = offsets[k + 1] if low > 0 else own
        a = begin
        for i in range(begin, own):
            a = max(a, i + 1)
            while a < stop and t[a] - t[i] < low:
                a += 1
            j = a
            while j < stop and t[j] - t[i] <= high:
                out[0, n], out[1, n] = i, j
                n += 1
                j += 1
