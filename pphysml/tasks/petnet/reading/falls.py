"""Where time, or the numbers of events, fall back to where a file began and stay there, beyond chance: compiled.

Of 64 rows on either side each is a bit of evidence if those in front are high and those behind low, since in a
file in no order a row is either by chance; k rows in order are log2(k!) bits. A few singles that come late
are followed by a return to late times.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

WINDOW = 64
"""Rows in front and behind that are looked at."""

FIRST = 4096
"""First rows of a part that are kept."""

SIDE, BOTH = 10.0, 24.0
"""Bits of evidence wanted on either side, and on both sides together, beside log2 of the rows before."""

RETURNED = 0.8
"""Share of the upper half of a part into which a jump from the lower half is a return."""

SAME_EVENT = 1e-6
"""Time for which rows of one event tell nothing new, s."""

TIME, NUMBERS = 1, 2
"""What falls back; the sum of both for both."""

N, N_TAKEN, BEFORE, KNOWN, LEAST, MOST = range(6)
"""Places in `State.whole`: rows of the part, those of them in this block; number of the row before, and of the last one that has one;
least and largest number."""

LOW, TOP, OF_EVENT, LAST = range(4)
"""Places in `State.real`: least and largest time; time of the event, and of the row before, s."""


class State(NamedTuple):
    """What is known of the part of a file that is being read; its rows are those that tell something new.

    Attributes:
        whole: int64 (6,); real: float64 (4,): see `N` and `LOW`.
        times, clocks: of the first rows, (FIRST,).
        least, largest, highest: least and largest time and largest number up to each, (FIRST,).
        last_times, last_clocks: of the last rows up to the block before, (WINDOW,); row k is at k modulo WINDOW.
    """

    whole: NDArray[np.int64]
    real: NDArray[np.float64]
    times: NDArray[np.float64]
    clocks: NDArray[np.int64]
    least: NDArray[np.float64]
    largest: NDArray[np.float64]
    highest: NDArray[np.int64]
    last_times: NDArray[np.float64]
    last_clocks: NDArray[np.int64]


def new_state() -> State:
    """Return the state in front of a file."""
    whole, real = np.zeros(FIRST, dtype=np.int64), np.zeros(FIRST)
    return State(np.array([0, 0, -1, -1, 0, 0]), np.zeros(4), real, whole, real.copy(), real.copy(), whole.copy(), real[:WINDOW].copy(), whole[:WINDOW].copy())


@njit(cache=True, nogil=True)
def next_fall(time: NDArray[np.float64], clock: NDArray[np.int64], start: int, skip: bool, ended: bool, s: State, taken: NDArray[np.int64]) -> tuple[int, int]:
    """Go on from a row to the next one at which a part may begin; return it and what falls back there, or the number of rows and 0.

    Args:
        time, clock: of rows of one file, s, and run and event as one number, -1 for none, (n,).
        skip: whether nothing begins at the first of these rows.
        ended: whether no more rows are to come; if so, what falls back may be -1 for a row that must be seen with later ones.
        taken: filled with the rows of the part in this block, (n,).
    """
    w, r = s.whole, s.real
    n, n_taken, before, known, least, most = w[N], w[N_TAKEN], w[BEFORE], w[KNOWN], w[LEAST], w[MOST]
    low, top, of_event, last = r[LOW], r[TOP], r[OF_EVENT], r[LAST]
    row, kind = start, 0
    while row < len(time):
        t, c = time[row], clock[row]
        if n and c >= 0 and c == before and abs(t - of_event) <= SAME_EVENT:
            row += 1
            continue
        if n and ((t < last and t < 0.5 * (low + top)) or (0 <= c < known and c < 0.5 * (least + most))) and not (skip and row == start):
            w[N], w[N_TAKEN], w[KNOWN], w[LEAST], w[MOST] = n, n_taken, known, least, most
            r[LOW], r[TOP], r[LAST] = low, top, last
            kind = _kind(time, clock, row, ended, s, taken)
            if kind != 0:
                break
        low, top = (min(low, t), max(top, t)) if n else (t, t)
        if c >= 0:
            least, most = (min(least, c), max(most, c)) if known >= 0 else (c, c)
            known = c
        if n < FIRST:
            s.times[n], s.clocks[n] = t, c
            s.least[n], s.largest[n], s.highest[n] = low, top, max(c, s.highest[n - 1]) if n else c
        taken[n_taken] = row
        n, n_taken, before, of_event, last = n + 1, n_taken + 1, c, t, t
        row += 1
    w[N], w[N_TAKEN], w[BEFORE], w[KNOWN], w[LEAST], w[MOST] = n, n_taken, before, known, least, most
    r[LOW], r[TOP], r[OF_EVENT], r[LAST] = low, top, of_event, last
    return row, kind


def begin_part(s: State) -> None:
    """Forget the rows so far: the next one begins a part."""
    s.whole[[N, N_TAKEN]], s.whole[KNOWN] = 0, -1


def end_block(time: NDArray[np.float64], clock: NDArray[np.int64], s: State, taken: NDArray[np.int64]) -> None:
    """Keep the last rows of a block for the next one, in which rows are counted anew."""
    n, n_taken = s.whole[[N, N_TAKEN]].tolist()
    few = min(n_taken, WINDOW)
    rows, places = taken[n_taken - few : n_taken], np.arange(n - few, n) % WINDOW
    s.last_times[places], s.last_clocks[places] = time[rows], clock[rows]
    s.whole[N_TAKEN] = 0


@njit(cache=True, nogil=True)
def _kind(time: NDArray[np.float64], clock: NDArray[np.int64], row: int, ended: bool, s: State, taken: NDArray[np.int64]) -> int:
    """Return what falls back at a row to where the part began, and lasts."""
    w, r, n = s.whole, s.real, s.whole[N]
    k = min(FIRST, max(n // 32, min((n + 1) // 2, 16))) - 1
    t, c = time[row], clock[row]
    to_time = t < r[LAST] and t < 0.5 * (r[LOW] + r[TOP]) and 2 * s.least[k] - s.largest[k] <= t <= s.largest[k]
    to_number = 0 <= c < w[KNOWN] and c < 0.5 * (w[LEAST] + w[MOST]) and c <= s.highest[k]
    if not to_time and not to_number:
        return 0
    front, behind = np.empty((2, WINDOW)), np.empty((2, WINDOW))
    n_front = _rows_in_front(time, clock, s, taken, front)
    n_behind = _rows_behind(time, clock, row, behind)
    if n_behind < WINDOW and not ended:
        return -1
    kind = 0
    if to_time and _lasts(front[0, :n_front], behind[0, :n_behind], 0.5 * (r[LOW] + r[TOP]), r[TOP], n):
        kind += TIME
    if to_number and _lasts(front[1, :n_front], behind[1, :n_behind], 0.5 * (w[LEAST] + w[MOST]), float(w[MOST]), n):
        kind += NUMBERS
    return kind


@njit(cache=True, nogil=True)
def _rows_in_front(time: NDArray[np.float64], clock: NDArray[np.int64], s: State, taken: NDArray[np.int64], found: NDArray[np.float64]) -> int:
    """Fill in time and number of the last rows of the part, the last one first, and return how many there are."""
    n, n_taken = int(s.whole[N]), int(s.whole[N_TAKEN])
    many = min(n, WINDOW)
    for k in range(many):
        if k < n_taken:
            row = taken[n_taken - 1 - k]
            found[0, k], found[1, k] = time[row], clock[row]
        else:
            found[0, k], found[1, k] = s.last_times[(n - 1 - k) % WINDOW], s.last_clocks[(n - 1 - k) % WINDOW]
    return many


@njit(cache=True, nogil=True)
def _rows_behind(time: NDArray[np.float64], clock: NDArray[np.int64], row: int, found: NDArray[np.float64]) -> int:
    """Fill in time and number of a row and those behind it that tell something new, and return how many there are."""
    n, before, of_event = 0, clock[row], time[row]
    for k in range(row, len(time)):
        if k > row and clock[k] >= 0 and clock[k] == before and abs(time[k] - of_event) <= SAME_EVENT:
            continue
        found[0, n], found[1, n] = time[k], clock[k]
        before, of_event = clock[k], time[k]
        n += 1
        if n == WINDOW:
            break
    return n


@njit(cache=True, nogil=True)
def _lasts(front: NDArray[np.float64], behind: NDArray[np.float64], middle: float, top: float, n: int) -> bool:
    """Return whether rows in front are high or in order, and those behind low or in order, beyond chance; negative times are times, numbers none."""
    high, rising, before = 0, 0, np.inf
    for k in range(len(front)):
        high += high == k and front[k] >= middle
        rising += rising == k and front[k] <= before
        before = front[k]
    low, ordered, before = 0, 0, -np.inf
    for k in range(len(behind)):
        if low == k and behind[k] >= middle + RETURNED * (top - middle):
            return False
        low += low == k and behind[k] < middle
        ordered += ordered == k and behind[k] >= before
        before = behind[k]
    # Where nearly all rows are low, or high, many of them in a row say nothing.
    if min(high, low) < SIDE:
        high = low = 0
    in_front, after = max(float(high), _bits(rising)), max(float(low), _bits(ordered))
    return in_front >= SIDE and after >= SIDE and in_front + after >= BOTH + np.log2(n + 1)


@njit(cache=True, nogil=True)
def _bits(ordered: int) -> float:
    """Return log2(k!)."""
    bits = 0.0
    for k in range(2, ordered + 1):
        bits += np.log2(k)
    return bits
