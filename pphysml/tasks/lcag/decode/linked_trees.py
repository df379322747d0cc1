"""Trees of one event as linked nodes, with the sums of scores that a change of the trees needs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ....io.ragged import Array
from .vector_kernel import LANES

NEVER = -np.inf


class Forest(NamedTuple):
    """Working space of the search for events of n leaves.

    Nodes are numbered: leaves 0...n-1, other nodes n...2n-2, and the common root 2n-1, under which
    the trees hang; it is no node of a tree. Arrays have one row per node; lanes are heights, and
    lane 0 is for pairs that are in no common tree.

    Attributes:
        pairs: symmetric scores (n, n, LANES).
        cost: change of a leaf's score when it joins a tree of two leaves or more, (n,).
        parent, child, right, left: links to parent, first child and neighbours, -1 if there is none.
        height: of the node; only if trees are free of gaps is it kept up to date.
        own: summed scores of the pairs of leaves that first meet at the node, for each height.
        below: summed best scores of the children, all lower than h.
        inner: best score of the subtree if it is not higher than h; for free heights only.
        cross: summed scores of the pairs between the node's leaves and those of the moved subtree.
        outside: what the rest of the forest changes if the node gets height h.
        order: nodes, parents first.
    """

    pairs: Array
    cost: Array
    parent: Array
    child: Array
    right: Array
    left: Array
    height: Array
    own: Array
    below: Array
    inner: Array
    cross: Array
    outside: Array
    order: Array


@njit(cache=True, nogil=True)
def empty_forest(n: int) -> Forest:
    """Return working space for events of n leaves."""
    m = 2 * n
    return Forest(
        np.zeros((n, n, LANES)), np.zeros(n), np.full(m, -1), np.full(m, -1), np.full(m, -1), np.full(m, -1),
        np.zeros(m, dtype=np.int64), np.zeros((m, LANES)), np.zeros((m, LANES)), np.zeros((m, LANES)),
        np.zeros((m, LANES)), np.zeros((m, LANES)), np.zeros(m, dtype=np.int64))


@njit(cache=True, nogil=True)
def clear(f: Forest) -> None:
    """Unlink all nodes."""
    f.parent[:], f.child[:], f.right[:], f.left[:] = -1, -1, -1, -1
    f.height[:] = 0
    f.own[:], f.below[:], f.inner[:] = 0.0, 0.0, 0.0


@njit(cache=True, nogil=True)
def copy_links(source: Forest, target: Forest) -> None:
    """Copy the trees, without the scores and what is filled anew for every move."""
    target.parent[:], target.child[:] = source.parent, source.child
    target.right[:], target.left[:] = source.right, source.left
    target.height[:], target.own[:] = source.height, source.own
    target.below[:], target.inner[:] = source.below, source.inner


@njit(cache=True, nogil=True)
def link(f: Forest, v: int, parent: int) -> None:
    """Make v a child of `parent`."""
    neighbour = f.child[parent]
    f.parent[v], f.right[v], f.left[v] = parent, neighbour, -1
    if neighbour >= 0:
        f.left[neighbour] = v
    f.child[parent] = v


@njit(cache=True, nogil=True)
def unlink(f: Forest, v: int) -> None:
    """Take v away from its parent."""
    left, right = f.left[v], f.right[v]
    if left >= 0:
        f.right[left] = right
    else:
        f.child[f.parent[v]] = right
    if right >= 0:
        f.left[right] = left
    f.parent[v] = -1


@njit(cache=True, nogil=True)
def walk(f: Forest, top: int) -> int:
    """Fill `order` with the nodes of the subtree `top`, depth first; return their number."""
    found, v = 0, top
    while True:
        f.order[found] = v
        found += 1
        if f.child[v] >= 0:
            v = f.child[v]
            continue
        while v != top and f.right[v] < 0:
            v = f.parent[v]
        if v == top:
            return found
        v = f.right[v]


@njit(cache=True, nogil=True)
def spare_node(f: Forest) -> int:
    """Return a node that is not in use."""
    v = len(f.cost)
    while f.child[v] >= 0 or f.parent[v] >= 0:
        v += 1
    return v


@njit(cache=True, nogil=True)
def highest_child(f: Forest, v: int, but: int) -> int:
    """Return the height of the highest child of v other than `but`, -1 if there is none."""
    height, c = -1, f.child[v]
    while c >= 0:
        if c != but and f.height[c] > height:
            height = f.height[c]
        c = f.right[c]
    return height


@njit(cache=True, nogil=True)
def refresh(f: Forest, v: int, classes: int, gap_free: bool) -> None:
    """Bring heights or tables up to date in v and its ancestors, whose children are."""
    root = len(f.parent) - 1
    while v != root:
        if gap_free:
            height = highest_child(f, v, -1) + 1
            if height == f.height[v]:
                return
            f.height[v] = height
        else:
            refresh_tables(f, v, classes)
        v = f.parent[v]


@njit(cache=True, nogil=True)
def refresh_tables(f: Forest, v: int, classes: int) -> None:
    """Bring `below` and `inner` of v up to date with its children."""
    f.below[v, 1:] = 0.0
    c = f.child[v]
    while c >= 0:
        for h in range(1, classes):
            f.below[v, h] += f.inner[c, h - 1]
        c = f.right[c]
    f.inner[v, 0] = NEVER
    for h in range(1, classes):
        f.inner[v, h] = max(f.inner[v, h - 1], f.own[v, h] + f.below[v, h])


@njit(cache=True, nogil=True)
def settle(f: Forest, classes: int) -> None:
    """Set free heights to the best ones."""
    n, root = len(f.cost), len(f.parent) - 1
    for q in range(1, walk(f, root)):
        v = f.order[q]
        if v < n:
            continue
        limit = classes if f.parent[v] == root else f.height[f.parent[v]]
        best = NEVER
        for h in range(1, limit):
            value = f.own[v, h] + f.below[v, h]
            if value > best:
                best, f.height[v] = value, h


@njit(cache=True, nogil=True)
def write_matrix(f: Forest, matrix: Array) -> None:
    """Write the heights of the lowest common ancestors of all pairs, 0 where there is none."""
    root = len(f.parent) - 1
    matrix[:] = 0
    mark = np.full(len(f.parent), -1)
    for i in range(len(f.cost)):
        v = i
        while v != root:
            mark[v] = i
            v = f.parent[v]
        for j in range(i):
            v = j
            while v != root and mark[v] != i:
                v = f.parent[v]
            if v != root:
                matrix[i, j] = matrix[j, i] = f.height[v]


@njit(cache=True, nogil=True)
def matrix_score(f: Forest, matrix: Array) -> float:
    """Return the score of the pairs and what the leaves change."""
    total = 0.0
    for i in range(len(f.cost)):
        alone = True
        for j in range(len(f.cost)):
            alone &= matrix[i, j] == 0
            if j < i:
                total += f.pairs[i, j, matrix[i, j]]
        if not alone:
            total += f.cost[i]
    return total
