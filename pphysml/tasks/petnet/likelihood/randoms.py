"""Pairs that no annihilation makes: singles too far apart in time, as many as are needed.

They are looked for in windows like the prompt one, at other time differences. A clock of coarse steps puts many time differences exactly at
the middle and at the ends of the window, and so must it those of random pairs: windows lie on the steps of the clock, and share no end.
Where there are too few such pairs, as at low activity, singles of one slice are drawn, which is what random pairs are.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ..coincidences.candidates import Candidates, between
from ..reading.slices import slice_times
from ..reading.time_grid import grid_step

APART = 10
"""Windows between two singles that make them random."""

SPAN = 4
"""Windows on other time differences, each of which has as many random pairs of either sign as the prompt one of both."""

ENOUGH = 20_000
"""Random pairs that are wanted; below, singles are drawn."""

LEAST_SINGLES = 100
"""Singles of a slice, below which it does not show the rate."""

SEED = 20


class Randoms(NamedTuple):
    """Random pairs.

    Attributes:
        pairs: their time differences are as those in a prompt window, from 0 to its length.
        expected: random pairs in the prompt window.
    """

    pairs: Candidates
    expected: float


def random_pairs(examples: Columns, window: float) -> Randoms:
    """Return random pairs of slices without lent singles, and how many of the prompt ones are random."""
    times = slice_times(examples)
    step = clock_step(times)
    found = _late(examples, times, round(window), step)
    return found if len(found.pairs.dt) >= ENOUGH else _drawn(examples, times, round(window), step)


def clock_step(times: Array) -> int:
    """Return the step of the clock of times in ps, int64, each since the first one of its slice; 1 if there is none."""
    return max(1, round(grid_step(times.astype(np.float64))))


def _late(examples: Columns, times: Array, width: int, step: int) -> Randoms:
    apart = -(-APART * width // step) * step
    period = -(-(2 * width + 1) // step) * step
    low = apart - width
    found = between(ragged(examples, "time").offsets, np.asarray(examples["n_owned"], dtype=np.int64), times, low, low + SPAN * period - 1, 0)
    since = (found.dt - low) % period
    inside = since <= 2 * width
    pairs = Candidates(found.first[inside], found.second[inside], np.abs(since[inside] - width))
    return Randoms(pairs, len(pairs.dt) / (2 * SPAN))


def _drawn(examples: Columns, times: Array, width: int, step: int) -> Randoms:
    expected = float((np.asarray(examples["n_owned"]) * rates(examples, times)).sum()) * (width // step + 0.5) * step
    first, second = drawn(examples)
    apart = times[second] - times[first] > 2 * width
    dt = np.abs(np.random.default_rng(SEED).integers(-(width // step), width // step + 1, len(first)) * step).astype(np.float64)
    return Randoms(Candidates(first[apart], second[apart], dt[apart]), expected)


def drawn(examples: Columns) -> tuple[Array, Array]:
    """Return pairs of singles of one slice each, drawn as often as they are random pairs, int64 (n,) each; the earlier one comes first."""
    offsets, n = ragged(examples, "time").offsets, np.asarray(examples["n_owned"], dtype=np.int64)
    weight = n * rates(examples, slice_times(examples))
    if not weight.sum():
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    rng = np.random.default_rng(SEED)
    row = rng.choice(len(n), 2 * ENOUGH, p=weight / weight.sum())
    first, second = np.sort(offsets[row] + (rng.random((2, len(row))) * n[row]).astype(np.int64), axis=0)
    different = first < second
    return first[different], second[different]


def expected_randoms(examples: Columns, window: float) -> Array:
    """Return how many pairs of each slice in the window are random, by the rate of its singles, (slices,)."""
    found: Array = np.asarray(examples["n_owned"]) * rates(examples, slice_times(examples)) * (round(window) + 0.5)
    return found


def rates(examples: Columns, times: Array) -> Array:
    """Return the singles per ps in each slice beside any one of them, float64 (slices,); 0 where too few show it."""
    offsets, n = ragged(examples, "time").offsets, np.asarray(examples["n_owned"], dtype=np.int64)
    if not len(times):
        return np.zeros(len(n))
    first, last = (times[np.clip(at, 0, len(times) - 1)] for at in (offsets[:-1], offsets[:-1] + n - 1))
    shown = (n >= min(LEAST_SINGLES, int(n.max()))) & (last > first)
    found: Array = np.where(shown, (n - 1.0) / np.maximum(last - first, 1), 0.0)
    return found
