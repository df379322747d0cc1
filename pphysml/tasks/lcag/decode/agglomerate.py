"""A first forest for the search: average linkage of the expected heights.

The two groups of leaves whose pairs have the lowest expected height on average are joined (R. Sokal
and C. Michener, Univ. Kansas Sci. Bull. 38 (1958) 1409), at the height that suits their pairs best:
as children of a new node, or in the node of the higher one.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ....io.ragged import Array
from .linked_trees import Forest, clear, link, refresh_tables, spare_node, unlink, walk


@njit(cache=True, nogil=True)
def _expected_height(scores: Array, classes: int, one_tree: bool) -> float:
    """Return the mean height of a pair of leaves; in no common tree counts as above all heights."""
    lowest = 1 if one_tree else 0
    best = scores[lowest:classes].max()
    weight, total = 0.0, 0.0
    for h in range(lowest, classes):
        share = math.exp(scores[h] - best)
        weight += share
        total += share * (h if h else classes)
    return total / weight


@njit(cache=True, nogil=True)
def _best_height(scores: Array, lowest: int, classes: int, one_tree: bool) -> int:
    """Return the best height for two groups, `lowest` or above; 0 if they better stay apart."""
    best = max(lowest, 1)
    for h in range(best, classes):
        if scores[h] > scores[best]:
            best = h
    return 0 if not one_tree and scores[0] > scores[best] else best


@njit(cache=True, nogil=True)
def _join(f: Forest, a: int, b: int, height: int) -> int:
    """Join two top nodes at a height not below theirs; return the node that holds both."""
    root = len(f.parent) - 1
    if f.height[a] < f.height[b]:
        a, b = b, a
    if f.height[a] < height:
        node = spare_node(f)
        link(f, node, root)
        f.height[node] = height
        unlink(f, a)
        link(f, a, node)
        a = node
    unlink(f, b)
    if f.height[b] < height:
        link(f, b, a)
        return a
    c = f.child[b]
    while c >= 0:
        unlink(f, c)
        link(f, c, a)
        c = f.child[b]
    return a


@njit(cache=True, nogil=True)
def _sum_own(f: Forest) -> None:
    """Fill `own` of all nodes, which are zero."""
    n = len(f.cost)
    mark = np.full(len(f.parent), -1)
    for i in range(n):
        v = i
        while v >= 0:
            mark[v] = i
            v = f.parent[v]
        for j in range(i):
            v = j
            while mark[v] != i:
                v = f.parent[v]
            for h in range(f.own.shape[1]):
                f.own[v, h] += f.pairs[i, j, h]


@njit(cache=True, nogil=True)
def _complete(f: Forest, classes: int, gap_free: bool) -> None:
    """Fill sums, heights and tables of linked nodes."""
    n, root = len(f.cost), len(f.parent) - 1
    _sum_own(f)
    for q in range(walk(f, root) - 1, 0, -1):
        v = f.order[q]
        if v >= n and not gap_free:
            refresh_tables(f, v, classes)
        elif v >= n:
            height, c = 0, f.child[v]
            while c >= 0:
                height, c = max(height, f.height[c]), f.right[c]
            f.height[v] = height + 1


@njit(cache=True, nogil=True)
def agglomerate(f: Forest, classes: int, gap_free: bool, one_tree: bool) -> None:
    """Fill the forest from its scores alone."""
    n, root = len(f.cost), len(f.parent) - 1
    clear(f)
    top, size = np.arange(n), np.ones(n)
    met = f.pairs.copy()
    distance = np.zeros((n, n))
    for a in range(n):
        link(f, a, root)
        for b in range(a):
            distance[a, b] = distance[b, a] = _expected_height(f.pairs[a, b], classes, one_tree)
    for _ in range(n - 1):
        a, b, nearest = -1, -1, np.inf
        for i in range(n):
            for j in range(i):
                if size[i] and size[j] and distance[i, j] < nearest:
                    a, b, nearest = i, j, distance[i, j]
        if a < 0:
            break
        height = _best_height(met[a, b], max(f.height[top[a]], f.height[top[b]]), classes, one_tree)
        if height == 0:
            distance[a, b] = distance[b, a] = np.inf
            continue
        top[a] = _join(f, top[a], top[b], height)
        for c in range(n):
            mean = (size[a] * distance[a, c] + size[b] * distance[b, c]) / (size[a] + size[b])
            distance[a, c] = distance[c, a] = mean
            met[a, c] += met[b, c]
            met[c, a] = met[a, c]
        size[a], size[b] = size[a] + size[b], 0.0
    _complete(f, classes, gap_free)
