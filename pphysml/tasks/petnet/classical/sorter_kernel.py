"""The loop of the coincidence sorter, compiled: 100 million singles per second and more on one core."""

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
    """How windows open, and what becomes of many singles in one; times in ps."""

    window: int
    offset: int
    every: bool
    policy: int


@njit(cache=True, nogil=True)
def choose(s: Singles, c: Cuts, policy: int, opener: int, begin: int, end: int, among: bool, out: Array, n: int) -> int:
    """Write the pairs that a group gives to `out` (2, capacity), and return how many there are then.

    The group is the opener and the singles begin:end. What does not fit is counted, and not written.

    Args:
        among: whether the singles begin:end may be paired with each other too.
        n: pairs written so far.
    """
    if policy == NONE and end - begin > 1:
        return n
    time, energies, x, y, z, sector = s.time, s.energy, s.x, s.y, s.z, s.sector
    total = good = 0
    # Index of the first and second single of: the winner of all, the good winner, the closest good pair.
    winner = good_winner = (-1, -1)
    closest = (-1, -1)
    most = most_good = -np.inf
    nearest = np.int64(2**62)
    all_goods = policy == TAKE_ALL or end - begin == 1
    for a in range(begin - 1, end - 1 if among else begin):
        i = opener if a == begin - 1 else a
        for j in range(begin if i == opener else a + 1, end):
            total += 1
            energy = energies[i] + energies[j]
            if energy > most:
                most, winner = energy, (i, j)
            if not passes(c, sector[i], x[i], y[i], z[i], sector[j], x[j], y[j], z[j]):
                continue
            good += 1
            if all_goods:
                if n < out.shape[1]:
                    out[0, n], out[1, n] = i, j
                n += 1
            if energy > most_good:
                most_good, good_winner = energy, (i, j)
            if time[j] - time[i] < nearest:
                nearest, closest = time[j] - time[i], (i, j)
    if all_goods or good == 0:
        return n
    if policy == TAKE_WINNER:
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
def sort_slices(
    s: Singles, c: Cuts, how: Sorting, prompt: Array, prompt_size: NDArray[np.int32], delayed: Array, delayed_size: NDArray[np.int32]
) -> tuple[int, int, int]:
    """Find the pairs of all slices, and return the numbers of prompt and delayed ones and the largest group.

    A window holds the singles up to `window` later than the one that opens it, ends included, or, for the
    delayed one, later by `offset` to `offset + window`. Delayed windows belong to the singles that open a
    prompt one, and their pairs are those with the opener. What does not fit into the arrays is counted.

    Args:
        prompt, delayed: indices of the singles, int64 (2, capacity).
        prompt_size, delayed_size: singles of the pair's window with the opener, int32 (capacity,).
    """
    n_prompt = n_delayed = 0
    largest = 1
    # Fields of a tuple are looked up at every use, which takes longer than all else. Most singles are alone and need
    # no more than their time, most windows have two, and need no policy.
    time, window, offset = s.time, how.window, how.offset
    x, y, z, sector = s.x, s.y, s.z, s.sector
    for k in range(len(s.n_owned)):
        begin, stop = s.offsets[k], s.offsets[k + 1]
        own = begin + s.n_owned[k]
        i, low, high = begin, begin, begin
        while i < own:
            j = i + 1
            if offset == 0:
                while j < own and time[j] - time[j - 1] > window:
                    j += 1
                i = j - 1
            while j < own and time[j] - time[i] <= window:
                j += 1
            largest = max(largest, j - i)
            if largest > LARGEST_GROUP:
                return n_prompt, n_delayed, largest
            if j == i + 2:
                if passes(c, sector[i], x[i], y[i], z[i], sector[i + 1], x[i + 1], y[i + 1], z[i + 1]):
                    if n_prompt < len(prompt_size):
                        prompt[0, n_prompt], prompt[1, n_prompt], prompt_size[n_prompt] = i, i + 1, 2
                    n_prompt += 1
            elif j > i + 2:
                before = n_prompt
                n_prompt = choose(s, c, how.policy, i, i + 1, j, not how.every, prompt, n_prompt)
                prompt_size[min(before, len(prompt_size)) : n_prompt] = j - i
            if offset > 0:
                while low < stop and time[low] - time[i] < offset:
                    low += 1
                high = max(high, low)
                while high < stop and time[high] - time[i] <= offset + window:
                    high += 1
                if high > low:
                    before = n_delayed
                    n_delayed = choose(s, c, how.policy, i, low, high, False, delayed, n_delayed)
                    delayed_size[min(before, len(delayed_size)) : n_delayed] = high - low + 1
            i = i + 1 if how.every else j
    return n_prompt, n_delayed, largest
