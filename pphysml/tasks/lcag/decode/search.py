"""Bounded search for large events: a first forest, then improvement until nothing helps.

A start (`agglomerate`) is improved by moves of single subtrees (`move_subtrees`) and exact choices in small
regions (`rearrange`), so that eight leaves are decoded exactly. Further rounds take some subtrees off
and put them back in another order ("ruin and recreate", G. Schrimpf et al., J. Comput. Phys. 159
(2000) 139).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ....io.ragged import Array
from .agglomerate import agglomerate
from .linked_trees import Forest, copy_links, empty_forest, matrix_score, settle, walk, write_matrix
from .move_subtrees import best_place, fill_cross, fill_outside, put, take_off
from .rearrange import improve_region
from .regions import Tables, empty_tables

NOTHING = 255
"""A height that no tree has."""

LEAST_GAIN = 1e-6
"""Smaller gains are rounding errors: sums over thousands of pairs in another order."""


@njit(cache=True, nogil=True)
def _insert(f: Forest, x: int, members: Array, classes: int, gap_free: bool, one_tree: bool) -> None:
    nodes = fill_cross(f, x, members)
    _, _, where, how = best_place(f, x, nodes, -1, 0, classes, gap_free, one_tree)
    put(f, x, where, how, classes, gap_free)


@njit(cache=True, nogil=True)
def _regraft(f: Forest, members: Array, classes: int, gap_free: bool, one_tree: bool) -> float:
    """Move subtrees until no move gains; return the lead over the best forest one move away."""
    total, root = len(f.parent) - 1, len(f.parent) - 1
    since, v, lead = 0, 0, np.inf
    while since < total:
        if f.parent[v] >= 0 and not (one_tree and f.parent[v] == root):
            place, kind, nodes = take_off(f, v, members, classes, gap_free)
            stay, best, where, how = best_place(f, v, nodes, place, kind, classes, gap_free, one_tree)
            if best > stay + LEAST_GAIN:
                place, kind, since, lead = where, how, 0, np.inf
            else:
                lead = min(lead, stay - best)
            put(f, v, place, kind, classes, gap_free)
        since += 1
        v = (v + 1) % total
    return lead


@njit(cache=True, nogil=True)
def _improve(
    f: Forest, t: Tables, matrix: Array, other: Array, members: Array, classes: int, gap_free: bool, one_tree: bool
) -> float:
    """Improve a forest until neither a move nor a region gains; return the lead as `_regraft`.

    It ends early at the forest `matrix`, which is known to be the best of its surroundings.
    """
    while True:
        lead = _regraft(f, members, classes, gap_free, one_tree)
        if not gap_free:
            settle(f, classes)
        write_matrix(f, other)
        if (other == matrix).all():
            return lead
        better = False
        for v in range(len(f.cost), len(f.parent) - one_tree):
            if f.child[v] >= 0:
                better |= improve_region(f, t, v, LEAST_GAIN, classes, gap_free)
        if not better:
            return lead


@njit(cache=True, nogil=True)
def _shake(f: Forest, taken: Array, members: Array, classes: int, gap_free: bool, one_tree: bool) -> None:
    """Take some subtrees off and put them back, one after the other, in random order."""
    n, root = len(f.cost), len(f.parent) - 1
    wanted, count = np.random.randint(2, max(3, n)), 0
    for v in np.random.permutation(root):
        top = v
        while top >= 0 and top != root:
            top = f.parent[top]
        if count < wanted and top == root and not (one_tree and f.parent[v] == root):
            take_off(f, v, members, classes, gap_free)
            taken[count] = v
            count += 1
    for x in taken[:count]:
        _insert(f, x, members, classes, gap_free, one_tree)


@njit(cache=True, nogil=True)
def _lead_of_heights(f: Forest, classes: int) -> float:
    """Return the lead over the same trees with other heights, where they are free."""
    n, root, least = len(f.cost), len(f.parent) - 1, np.inf
    f.cross[:] = 0.0
    for q in range(1, walk(f, root)):
        v = f.order[q]
        fill_outside(f, v, 0, classes, False)
        if v < n:
            continue
        for h in range(1, classes):
            if h != f.height[v]:
                least = min(least, -(f.own[v, h] + f.below[v, h] + f.outside[v, h]))
    return least


@njit(cache=True, nogil=True)
def _keep(f: Forest, best: Forest, matrix: Array, other: Array, score: float, margin: float, lead: float, classes: int, gap_free: bool) -> tuple[float, float]:
    """Compare a forest with the best so far, which is `matrix`; return score and margin of the better."""
    if not gap_free:
        settle(f, classes)
        lead = min(lead, _lead_of_heights(f, classes))
    write_matrix(f, other)
    new = matrix_score(f, other)
    if new > score + LEAST_GAIN:
        copy_links(f, best)
        margin = min(lead, new - score)
        matrix[:] = other
        return new, margin
    if (matrix != other).any():
        margin = min(margin, score - new)
    copy_links(best, f)
    return score, margin


@njit(cache=True, nogil=True)
def _search(f: Forest, best: Forest, t: Tables, rounds: int, classes: int, gap_free: bool, one_tree: bool, matrix: Array) -> tuple[float, float]:
    """Write the best forest found to `matrix`; return its score and its lead."""
    n = len(f.cost)
    members, taken, other = np.empty(n, dtype=np.int64), np.empty(n, dtype=np.int64), np.empty_like(matrix)
    np.random.seed(n)
    agglomerate(f, classes, gap_free, one_tree)
    score, margin = -np.inf, np.inf
    matrix[:] = NOTHING
    for k in range(rounds):
        if k:
            _shake(f, taken, members, classes, gap_free, one_tree)
        lead = _improve(f, t, matrix, other, members, classes, gap_free, one_tree)
        score, margin = _keep(f, best, matrix, other, score, margin, lead, classes, gap_free)
    return score, margin


@njit(cache=True, nogil=True)
def _load(f: Forest, pairs: Array, leaves: Array, order: Array) -> None:
    """Fill the scores of one event, its leaves in the given order."""
    n, classes = pairs.shape[0], pairs.shape[2]
    for a in range(n):
        for b in range(a):
            i, j = min(order[a], order[b]), max(order[a], order[b])
            for h in range(0 if len(leaves) else 1, classes):
                f.pairs[a, b, h] = f.pairs[b, a, h] = pairs[i, j, h]
        if len(leaves):
            f.cost[a] = min(leaves[order[a], 1] - leaves[order[a], 0], 0.0)


@njit(cache=True, nogil=True)
def _leaf_order(pairs: Array, leaves: Array) -> Array:
    """Return an order of the leaves that does not depend on how they are numbered."""
    n, classes = pairs.shape[0], pairs.shape[2]
    key = np.zeros(n)
    for i in range(n):
        for j in range(i + 1, n):
            for h in range(0 if len(leaves) else 1, classes):
                key[i] += (h + 1.0) * pairs[i, j, h]
                key[j] += (h + 1.0) * pairs[i, j, h]
    return np.argsort(key)


@njit(cache=True, nogil=True)
def search_batch(
    pairs: Array, rounds: int, gap_free: bool, leaves: Array,
    matrix: Array, background: Array, score: Array, margin: Array,
) -> None:
    """Search events of n >= 1 leaves one after the other.

    Args:
        pairs: (B, n, n, C).
        rounds: of improvement, at least one.
        gap_free: whether a node of height h must have a child of height h - 1.
        leaves: (B, n, 2), or (B, 0, 2) if an event is one tree.
        matrix, background, score, margin: output, as of `exact.decode_batch`.
    """
    n, classes = pairs.shape[1], pairs.shape[3]
    f, best, t = empty_forest(n), empty_forest(n), empty_tables()
    found = np.empty((n, n), dtype=np.uint8)
    one_tree = leaves.shape[1] == 0
    for event in range(len(pairs)):
        order = _leaf_order(pairs[event], leaves[event])
        _load(f, pairs[event], leaves[event], order)
        score[event], margin[event] = _search(f, best, t, rounds, classes, gap_free, one_tree, found)
        for a in range(n):
            i = order[a]
            for b in range(n):
                matrix[event, i, order[b]] = found[a, b]
            if not one_tree:
                alone = not found[a].any()
                background[event, i] = alone and leaves[event, i, 0] >= leaves[event, i, 1]
                score[event] += max(leaves[event, i, 0], leaves[event, i, 1])
                if alone:
                    margin[event] = min(margin[event], abs(leaves[event, i, 0] - leaves[event, i, 1]))
