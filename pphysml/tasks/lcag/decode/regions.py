"""Scores of all arrangements of a small region of a forest: the tables of the exact decoder.

A region is a node with some of its descendants; the subtrees that hang below it, eight at most,
keep their inner structure and take the place of leaves in the dynamic programme of `exact`. Lane 0
is for trees next to each other, so that the common root can be the top of a region.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ....io.ragged import Array
from .linked_trees import NEVER, Forest, walk
from .vector_kernel import ANY, EXACT, LANES, LOWER, ONE, SOME, max_splits

LARGEST = 8
"""Subtrees of a region; the time grows as three to this power."""


class Tables(NamedTuple):
    """Working space: `within`, `nodes`, `blocks` and `rests` as in `exact`, and the region.

    Attributes:
        parts: the subtrees that are kept, (LARGEST,).
        met: summed scores of the pairs between two of them, (LARGEST, LARGEST, LANES).
    """

    within: Array
    nodes: Array
    blocks: Array
    rests: Array
    parts: Array
    met: Array


@njit(cache=True, nogil=True)
def empty_tables() -> Tables:
    """Return working space for regions of any size."""
    sets = 1 << LARGEST
    return Tables(
        np.zeros((sets, LANES)), np.full((sets, LANES), NEVER), np.full((sets, 2, LANES), NEVER),
        np.full((sets, 2, LANES), NEVER), np.zeros(LARGEST, dtype=np.int64),
        np.zeros((LARGEST, LARGEST, LANES)))


@njit(cache=True, nogil=True)
def _children(f: Forest, v: int) -> int:
    count, c = 0, f.child[v]
    while c >= 0:
        count, c = count + 1, f.right[c]
    return count


@njit(cache=True, nogil=True)
def choose_parts(f: Forest, top: int, parts: Array) -> int:
    """Fill `parts`, highest nodes replaced by their children while there is room; 0 if there is none."""
    count, c = 0, f.child[top]
    if _children(f, top) > LARGEST:
        return 0
    while c >= 0:
        parts[count] = c
        count, c = count + 1, f.right[c]
    while True:
        at = -1
        for k in range(count):
            v = parts[k]
            higher = at < 0 or f.height[v] > f.height[parts[at]]
            if f.child[v] >= 0 and higher and count - 1 + _children(f, v) <= LARGEST:
                at = k
        if at < 0:
            return count
        c = f.child[parts[at]]
        parts[at] = c
        c = f.right[c]
        while c >= 0:
            parts[count] = c
            count, c = count + 1, f.right[c]


@njit(cache=True, nogil=True)
def _sum_met(f: Forest, t: Tables, count: int) -> None:
    n, found = len(f.cost), 0
    members = f.order
    starts = np.zeros(LARGEST + 1, dtype=np.int64)
    leaves = np.empty(n, dtype=np.int64)
    for k in range(count):
        for q in range(walk(f, t.parts[k])):
            if members[q] < n:
                leaves[found] = members[q]
                found += 1
        starts[k + 1] = found
    for a in range(count):
        for b in range(a):
            for h in range(LANES):
                t.met[a, b, h] = 0.0
            for p in range(starts[a], starts[a + 1]):
                for q in range(starts[b], starts[b + 1]):
                    i, j = leaves[p], leaves[q]
                    for h in range(LANES):
                        t.met[a, b, h] += f.pairs[i, j, h]


@njit(cache=True, nogil=True)
def _sum_within(t: Tables, count: int) -> None:
    for a in range(count):
        lone = 1 << a
        for s in range(lone):
            # S with the part a: its pairs with the highest other part, and with the rest.
            if s == 0:
                t.within[lone] = 0.0
                continue
            b = a - 1
            while not (s >> b) & 1:
                b -= 1
            other = 1 << b
            for h in range(LANES):
                t.within[s + lone, h] = (
                    t.within[s, h] + t.within[s + lone - other, h] - t.within[s - other, h] + t.met[a, b, h])


@njit(cache=True, nogil=True)
def _fill_single(f: Forest, t: Tables, k: int, classes: int, gap_free: bool) -> None:
    v, s = t.parts[k], 1 << k
    joins = f.cost[v] if v < len(f.cost) else 0.0
    t.blocks[s], t.rests[s], t.nodes[s] = NEVER, NEVER, NEVER
    for h in range(1, classes):
        if not gap_free:
            t.blocks[s, EXACT, h] = f.inner[v, h - 1] + joins
        elif h > f.height[v]:
            t.blocks[s, EXACT if h == f.height[v] + 1 else LOWER, h] = joins
        t.rests[s, SOME, h] = t.blocks[s, EXACT, h]
        t.rests[s, ANY, h] = max(t.blocks[s, EXACT, h], t.blocks[s, LOWER, h])
    whole = 0.0 if gap_free else f.inner[v, classes - 1]
    t.blocks[s, EXACT, 0] = t.rests[s, ANY, 0] = t.rests[s, SOME, 0] = whole


@njit(cache=True, nogil=True)
def fill_tables(f: Forest, t: Tables, count: int, classes: int, gap_free: bool) -> None:
    """Fill all tables for the first parts, as `exact.max_tables` does for leaves."""
    _sum_met(f, t, count)
    _sum_within(t, count)
    for s in range(1, 1 << count):
        subset = np.uint64(s)
        others = subset & (subset - ONE)
        if others == 0:
            k = 0
            while not (s >> k) & 1:
                k += 1
            _fill_single(f, t, k, classes, gap_free)
            continue
        max_splits(t.blocks, t.rests, subset, others)  # type: ignore[call-arg]
        t.blocks[s] = NEVER
        best, lower = NEVER, NEVER
        for h in range(1, classes):
            t.nodes[s, h] = t.rests[s, SOME, h] + t.within[s, h]
            if h > 1:
                under = t.nodes[s, h - 1] if gap_free else best
                t.blocks[s, EXACT, h] = under - t.within[s, h]
                if gap_free:
                    t.blocks[s, LOWER, h] = lower - t.within[s, h]
            lower = best
            best = max(best, t.nodes[s, h])
        t.blocks[s, EXACT, 0] = best - t.within[s, 0]
        for h in range(classes):
            exact = t.blocks[s, EXACT, h]
            t.rests[s, SOME, h] = max(t.rests[s, SOME, h], exact)
            t.rests[s, ANY, h] = max(t.rests[s, ANY, h], exact, t.blocks[s, LOWER, h])
