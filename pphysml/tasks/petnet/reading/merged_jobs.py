"""Whether what falls back to where a file began is another job that was merged into it (hadd), or only another order.

Merged jobs have the same numbers of events again, at other times. What threads, detectors or baskets wrote in
turn falls back too, but with events that were not there, or with the same ones at the same time, or in other places.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from ....io.ragged import Array

AFTER = 16384
"""Later rows whose events are compared with those of the first rows."""

EXPECTED, SHARE = 3.0, 0.3
"""Events that merged jobs are expected to share, from which on they must be there, and the share of them."""

SAME_TIME = 5e-9
"""Largest time difference of the singles of one event in different places, s."""

APART = 4.0
"""Squared distance of two means in units of the sum of both variances from which on places differ: of halves of a line it is 6."""

SETTLED = 16
"""Rows behind a fall after which the next one may come."""


class Numbers(Enum):
    """Numbers of later events: those of the first ones again, or too few to know; others amid them, or of the same time; elsewhere."""

    AGAIN = 0
    IN_TURN = 1
    OTHERS = 2


def compared_numbers(known: Array, known_times: Array, later: Array, later_times: Array) -> Numbers:
    """Compare numbers of events, -1 for none, with those of the first rows of a part.

    Rows behind up to the next fall count, if these are enough; else all.

    Args:
        known, later: int64; known_times, later_times: s.
    """
    known, known_times = _sorted(known, known_times)
    later, later_times = later[later >= 0], later_times[later >= 0]
    if not len(known):
        return Numbers.OTHERS
    for some in (_up_to_next_fall(later), len(later)):
        inside = (later[:some] >= known[0]) & (later[:some] <= known[-1])
        numbers, times = later[:some][inside], later_times[:some][inside]
        expected = len(np.unique(numbers)) * len(np.unique(known)) / (known[-1] - known[0] + 1)
        if expected >= EXPECTED:
            break
    if not len(numbers):
        return Numbers.OTHERS
    shared, same = _shared(known, known_times, numbers, times)
    enough = shared >= SHARE * expected if shared else expected < EXPECTED
    return Numbers.AGAIN if enough and 2 * same <= shared else Numbers.IN_TURN


def in_other_places(front: Array, behind: Array) -> bool:
    """Return whether rows lie elsewhere than others along any axis, (n, 3) and (m, 3), mm."""
    distance = front.mean(0) - behind.mean(0)
    return bool((distance**2 > APART * (front.var(0) + behind.var(0))).any())


def _sorted(numbers: Array, times: Array) -> tuple[Array, Array]:
    order = np.argsort(numbers, kind="stable")
    order = order[np.searchsorted(numbers[order], 0) :]
    return numbers[order], times[order]


def _up_to_next_fall(numbers: Array) -> int:
    """Return how many numbers there are in front of one that is in the lower half of those before."""
    if len(numbers) <= SETTLED:
        return len(numbers)
    falls = numbers < 0.5 * (numbers[0] + np.maximum.accumulate(numbers))
    falls[:SETTLED] = False
    return int(np.argmax(falls)) if falls.any() else len(numbers)


def _shared(known: Array, known_times: Array, numbers: Array, times: Array) -> tuple[int, int]:
    """Return how many different numbers are among the known ones, and how many of them at the same time."""
    numbers, first = np.unique(numbers, return_index=True)
    times = times[first]
    start, stop = np.searchsorted(known, numbers), np.searchsorted(known, numbers, side="right")
    there = stop > start
    # One event has few rows among the first ones, nearly all at one time.
    near = np.abs(known_times[np.minimum(start, len(known) - 1)] - times) <= SAME_TIME
    return int(there.sum()), int((there & near).sum())
