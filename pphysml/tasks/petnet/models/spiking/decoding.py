"""Output spikes to pairs of hits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Coincidences:
    """Pairs of hits that are each in one pair at most.

    Attributes:
        first, second: int64 (P,), indices of the hits; the first is not later.
        difference: float64 (P,), difference in time of the output spikes, in their unit.
    """

    first: Array
    second: Array
    difference: Array


@dataclass(frozen=True)
class Decoder:
    """Pair hits whose crystals have output spikes at nearly the same time.

    An output spike stands for the hit of its crystal that is nearest in time, from `before` earlier to
    `after` later; of several spikes for one hit the nearest counts. Two hits on different crystals are a candidate if
    their spikes differ by at most `tolerance`; candidates with less difference are taken first, each hit once. Equal
    ones go by the summed distance of the spikes from their hits, then by time.

    Attributes:
        tolerance: largest difference in time of two output spikes.
        before, after: how much earlier and later than its spike a hit may be.
        partners: bool (C, C), crystals that can be in coincidence; None: all.
    """

    tolerance: float
    before: float
    after: float
    partners: Array | None = None

    def __call__(self, hits: tuple[Array, Array, Array], spikes: tuple[Array, Array, Array]) -> Coincidences:
        """Return coincidences; hits and spikes are (sample, time, crystal) in any order, times in one unit."""
        hits, hit_order = _sorted(*hits)
        spikes, _ = _sorted(*spikes)
        hit, distance = _nearest_hit(*hits, *spikes, self.before, self.after)
        kept = np.flatnonzero(_is_nearest(hit, distance, len(hit_order)))
        sample, time, crystal = (column[kept] for column in spikes)
        allowed = np.ones((1, 1), dtype=np.bool_) if self.partners is None else np.asarray(self.partners, dtype=np.bool_)
        i, j = _close_pairs(sample, time, crystal, self.tolerance, allowed)
        best = np.lexsort((distance[kept][i] + distance[kept][j], time[j] - time[i]))
        chosen = best[_one_to_one(i[best], j[best], len(kept))]
        chosen = chosen[np.argsort(i[chosen], kind="stable")]
        a, b = np.sort(hit[kept][np.stack([i[chosen], j[chosen]])], axis=0)
        return Coincidences(hit_order[a], hit_order[b], time[j[chosen]] - time[i[chosen]])


def _sorted(sample: Array, time: Array, crystal: Array) -> tuple[tuple[Array, Array, Array], Array]:
    columns = np.asarray(sample, np.int64), np.asarray(time, np.float64), np.asarray(crystal, np.int64)
    if _is_sorted(*columns):
        return columns, np.arange(len(sample))
    order = np.lexsort(columns[::-1])
    return (columns[0][order], columns[1][order], columns[2][order]), order


def _nearest_hit(sample: Array, time: Array, crystal: Array, spike_sample: Array, spike_time: Array,
                 spike_crystal: Array, before: float, after: float) -> tuple[Array, Array]:
    """Return the hit of each spike (-1: none) and its distance in time; all sorted by sample and time."""
    crystals = max(crystal.max(initial=0), spike_crystal.max(initial=0)) + 1
    hits = np.argsort(sample * crystals + crystal, kind="stable")
    spikes = np.argsort(spike_sample * crystals + spike_crystal, kind="stable")
    hit, distance = _merge(sample[hits], crystal[hits], time[hits], spike_sample[spikes], spike_crystal[spikes],
                           spike_time[spikes], before, after)
    found, distances = np.full(len(hit), -1), np.empty(len(hit))
    has = hit >= 0
    found[spikes[has]], distances[spikes] = hits[hit[has]], distance
    return found, distances


@njit(cache=True, nogil=True)
def _is_sorted(sample: Array, time: Array, crystal: Array) -> bool:
    for i in range(1, len(sample)):
        if (sample[i], time[i], crystal[i]) < (sample[i - 1], time[i - 1], crystal[i - 1]):
            return False
    return True


@njit(cache=True, nogil=True)
def _is_nearest(hit: Array, distance: Array, hits: int) -> Array:
    """Return whether each spike is the nearest, and of equal ones the first, of those for its hit."""
    nearest = np.full(hits, -1)
    for s in range(len(hit)):
        h = hit[s]
        if h >= 0 and (nearest[h] < 0 or distance[s] < distance[nearest[h]]):
            nearest[h] = s
    chosen = np.zeros(len(hit), dtype=np.bool_)
    for s in nearest:
        if s >= 0:
            chosen[s] = True
    return chosen


@njit(cache=True, nogil=True)
def _merge(sample: Array, crystal: Array, time: Array, spike_sample: Array, spike_crystal: Array, spike_time: Array,
           before: float, after: float) -> tuple[Array, Array]:
    """Find nearest hits; hits and spikes are sorted by sample, crystal and time. Of two as near, the earlier."""
    n = len(sample)
    hit = np.full(len(spike_time), -1)
    distance = np.full(len(spike_time), np.inf)
    first = 0
    for s in range(len(spike_time)):
        while first < n and (sample[first], crystal[first], time[first]) < (spike_sample[s], spike_crystal[s], spike_time[s] - before):
            first += 1
        h = first
        while h < n and sample[h] == spike_sample[s] and crystal[h] == spike_crystal[s] and time[h] <= spike_time[s] + after:
            if abs(time[h] - spike_time[s]) < distance[s]:
                hit[s], distance[s] = h, abs(time[h] - spike_time[s])
            h += 1
    return hit, distance


@njit(cache=True, nogil=True)
def _close_pairs(sample: Array, time: Array, crystal: Array, tolerance: float, allowed: Array) -> tuple[Array, Array]:
    """Return pairs (i < j) of one sample within the tolerance on two crystals; sorted by sample and time."""
    n, size, everything = len(time), 0, allowed.size == 1
    first, second = np.empty(max(4 * n, 16), np.int64), np.empty(max(4 * n, 16), np.int64)
    for i in range(n):
        j = i + 1
        while j < n and sample[j] == sample[i] and time[j] - time[i] <= tolerance:
            if crystal[i] != crystal[j] and (everything or allowed[crystal[i], crystal[j]]):
                if size == len(first):
                    first, second = np.concatenate((first, first)), np.concatenate((second, second))
                first[size], second[size] = i, j
                size += 1
            j += 1
    return first[:size], second[:size]


@njit(cache=True, nogil=True)
def _one_to_one(first: Array, second: Array, n: int) -> Array:
    """Return which pairs are taken, best first, each member once."""
    free = np.ones(n, dtype=np.bool_)
    taken = np.zeros(len(first), dtype=np.bool_)
    for p in range(len(first)):
        if free[first[p]] and free[second[p]]:
            free[first[p]] = free[second[p]] = False
            taken[p] = True
    return taken
