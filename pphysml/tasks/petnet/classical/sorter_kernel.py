"""The loops of the coincidence sorter, compiled: 100 million singles per second and more on one core.

What makes a pair good, with sectors that count around a ring, is `cut_kernel.passes`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array
from ..coincidences.cut_kernel import Cuts, Singles, passes
from ..config.policies import (
    NONE,
    ONLY_ONE,
    TAKE_ALL,
    TAKE_CLOSEST,
    TAKE_WINNER,
    WINNER_IF_ALL,
    WINNER_IF_GOOD,
)

LARGEST_GROUP = 2000
"""Singles in one window beyond which the window makes no sense, and sorting no end."""


class Sorting(NamedTuple):
    """How windows open, and what becomes of many singles in one.

    Attributes:
        offset: of the delayed window, s.
        window: its length and that of the prompt one, s.
        closed: whether a difference that is the window itself is inside.
        every: whether every single opens a window.
        policy: one of `config.policies`.
        matched: whether of pairs at exactly the offset only every second is taken.
    """

    offset: float
    window: float
    closed: bool
    every: bool
    policy: int
    matched: bool


@njit(cache=True, nogil=True, inline="always")
def longest(how: Sorting, slack: float) -> float:
    """Return the largest time difference that lies in a window, s; `slack` is what rounding makes of equal ones."""
    return how.window + slack if how.closed else np.nextafter(how.window - slack, 0.0)


@njit(cache=True, nogil=True)
def choose(s: Singles, volume: NDArray[np.uint64], c: Cuts, policy: int, slack: float, opener: int, begin: int, end: int, among: bool, out: Array, n: int) -> int:
    """Write the pairs that a group gives to `out` (2, capacity), and return how many there are then.

    The group is the opener and the singles begin:end. What does not fit is counted, and not written.

    Args:
        volume: of the singles; those of one volume are no pair. Empty where that does not matter.
        slack: time differences as near to each other as this are equal, s.
        among: whether the singles begin:end may be paired with each other too.
        n: pairs written so far.
    """
    if policy == NONE and end - begin > 1 and not len(volume):
        return n
    time, energies, x, y, z, sector = s.time, s.energy, s.x, s.y, s.z, s.sector
    total = good = 0
    # Index of the first and second single of: the winner of all, the good winner, the closest good pair.
    winner = good_winner = (-1, -1)
    closest = (-1, -1)
    most = most_good = -np.inf
    nearest = np.inf
    for a in range(begin - 1, end - 1 if among else begin):
        i = opener if a == begin - 1 else a
        for j in range(begin if i == opener else a + 1, end):
            if len(volume) and volume[i] == volume[j]:
                continue
            total += 1
            energy = energies[i] + energies[j]
            if energy > most:
                most, winner = energy, (i, j)
            if not passes(c, sector[i], x[i], y[i], z[i], sector[j], x[j], y[j], z[j]):
                continue
            good += 1
            if policy == TAKE_ALL:
                if n < out.shape[1]:
                    out[0, n], out[1, n] = i, j
                n += 1
            if energy > most_good:
                most_good, good_winner = energy, (i, j)
            if time[j] - time[i] < nearest - slack:
                nearest, closest = time[j] - time[i], (i, j)
    if policy == TAKE_ALL or good == 0:
        return n
    if policy == TAKE_WINNER or total == 1:
        taken = good_winner
    elif policy == TAKE_CLOSEST:
        taken = closest
    elif policy == ONLY_ONE and good == 1:
        taken = good_winner
    elif (policy == WINNER_IF_GOOD and winner == good_winner) or (policy == WINNER_IF_ALL and good == total):
        taken = winner
    else:
        return n
    if n < out.shape[1]:
        out[0, n], out[1, n] = taken
    return n + 1


@njit(cache=True, nogil=True)
def sort_prompt(
    s: Singles, volume: NDArray[np.uint64], c: Cuts, how: Sorting, slack: NDArray[np.float64], opens: NDArray[np.bool_], out: Array, size: NDArray[np.int32]
) -> tuple[int, int]:
    """Find the prompt pairs of all slices, and return their number and the largest group.

    A window holds the singles from the one that opens it, as many as `longest` is wide. What does not fit into the
    arrays is counted.

    Args:
        volume: see `choose`.
        slack: of each slice, s.
        opens: set to whether each single opens a window, (n,); left alone if it is empty.
        out: indices of the singles, int64 (2, capacity).
        size: singles of the pair's window with the opener, int32 (capacity,).
    """
    n, largest = 0, 1
    # Fields of a tuple are looked up at every use, which takes longer than all else. Most singles are alone and need
    # no more than their time, most windows have two, and need no policy.
    time, x, y, z, sector, any_volume = s.time, s.x, s.y, s.z, s.sector, len(volume) == 0
    opens[:] = True
    for k in range(len(s.n_owned)):
        i, own = s.offsets[k], s.offsets[k] + s.n_owned[k]
        window = longest(how, slack[k])
        while i < own:
            j = i + 1
            while j < own and time[j] - time[j - 1] > window:
                j += 1
            i = j - 1
            while j < own and time[j] - time[i] <= window:
                j += 1
            largest = max(largest, j - i)
            if largest > LARGEST_GROUP:
                return n, largest
            if j == i + 2:
                if passes(c, sector[i], x[i], y[i], z[i], sector[i + 1], x[i + 1], y[i + 1], z[i + 1]) and (any_volume or volume[i] != volume[i + 1]):
                    if n < len(size):
                        out[0, n], out[1, n], size[n] = i, i + 1, 2
                    n += 1
            elif j > i + 2:
                before = n
                n = choose(s, volume, c, how.policy, slack[k], i, i + 1, j, not how.every, out, n)
                size[min(before, len(size)) : n] = j - i
            if how.every:
                i += 1
            else:
                opens[i + 1 : j] = False
                i = j
    return n, largest


@njit(cache=True, nogil=True)
def sort_delayed(
    s: Singles, volume: NDArray[np.uint64], c: Cuts, how: Sorting, slack: NDArray[np.float64], opens: NDArray[np.bool_], out: Array, size: NDArray[np.int32]
) -> int:
    """Find the delayed pairs of all slices, those of an opener with singles that are late by the offset, and return their number.

    Args:
        opens: whether each single opens a window, (n,); the others as of `sort_prompt`.
    """
    n = 0
    time = s.time
    for k in range(len(s.n_owned)):
        begin, stop = s.offsets[k], s.offsets[k + 1]
        low = high = begin
        start, end = how.offset - slack[k], how.offset + longest(how, slack[k])
        for i in range(begin, begin + s.n_owned[k]):
            if not opens[i]:
                continue
            while low < stop and time[low] - time[i] < start:
                low += 1
            first = low
            # Two singles of equal time are one prompt pair, whichever is named first; so half of those at the offset are taken.
            while how.matched and (i - begin) % 2 and first < stop and time[first] - time[i] <= how.offset + slack[k]:
                first += 1
            high = max(high, first)
            while high < stop and time[high] - time[i] <= end:
                high += 1
            if high > first:
                before = n
                n = choose(s, volume, c, how.policy, slack[k], i, first, high, False, out, n)
                size[min(before, len(size)) : n] = high - first + 1
    return n


@njit(cache=True, nogil=True)
def open_delayed(
    s: Singles, origin: NDArray[np.float64], segment: NDArray[np.int64], how: Sorting, slack: NDArray[np.float64], opened: NDArray[np.float64], of: int,
    opens: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Find the singles that lie in no delayed window that is open, and so open one, as in GATE; return the windows that are open at the end.

    Args:
        origin, segment: of each slice: what its times count from, s, and the stretch of time that goes on.
        opened: times of the singles whose windows are open at the beginning, s; `of`: their segment.
        opens: set for all own singles, (n,).

    Returns:
        Times like `opened`, of the segment of the last slice.
    """
    time = s.time
    queue = np.empty(len(opened) + len(time))
    queue[: len(opened)] = opened
    first, last = 0, len(opened)
    for k in range(len(s.n_owned)):
        if segment[k] != of:
            first, of = last, segment[k]
        start, end = how.offset - slack[k], how.offset + longest(how, slack[k])
        for i in range(s.offsets[k], s.offsets[k] + s.n_owned[k]):
            now = origin[k] + time[i]
            while first < last and now - queue[first] > end:
                first += 1
            opens[i] = first == last or now - queue[first] < start
            if opens[i]:
                queue[last] = now
                last += 1
    return queue[first:last].copy()
