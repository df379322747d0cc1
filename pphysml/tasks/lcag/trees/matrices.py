"""Decay trees as matrices and as parent arrays: conversions, compiled, for many events.

A matrix holds the heights of the lowest common ancestors of all pairs of leaves, where a leaf has
height 0 and a node is one above its highest child (J. Kahn et al., MLST 3 (2022) 035012). In a
parent array the leaves come first; the root's parent is -1.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged

VALID, TOO_FEW, OUT_OF_RANGE, NO_ROOT, TWO_ROOTS, LEAF_WITH_CHILDREN, CHILDLESS, CYCLE, TOO_HIGH = range(9)
PROBLEMS = (
    "is a tree",
    "has fewer nodes than leaves",
    "has a parent index that is neither -1 nor a node",
    "has no root (a node whose parent is -1)",
    "has more than one root (nodes whose parent is -1)",
    "has a leaf that is another node's parent; leaves must come first",
    "has a node without children that is not a leaf",
    "has a cycle: a node is its own ancestor",
    "has more than 255 generations",
)


def parent_problems(code: int) -> str:
    """Return what is wrong with a parent array, as the end of a sentence, from its code."""
    return PROBLEMS[code]


def matrix_to_parent(matrices: Ragged, n_leaves: Array) -> tuple[Ragged, Ragged]:
    """Return the parent (int32) and the height (uint8) of every node.

    Leaves in their order, then the other nodes by (height, lowest leaf), so that children precede
    their parents and the root is last. The result is a tree only where the matrix is valid.
    """
    n = np.asarray(n_leaves, dtype=np.int64)
    if not np.array_equal(matrices.counts, n * n):
        raise ValueError("matrices must have n*n values for n leaves")
    counts = _count_nodes(matrices.flat, matrices.offsets, n)
    parent = Ragged.from_counts(np.empty(counts.sum(), dtype=np.int32), counts)
    level = np.empty(len(parent.flat), dtype=np.uint8)
    _fill_nodes(matrices.flat, matrices.offsets, n, parent.offsets, parent.flat, level)
    return parent, Ragged(level, parent.offsets)


def parent_to_matrix(parent: Ragged, n_leaves: Array, forest: bool = False) -> tuple[Ragged, NDArray[np.uint8]]:
    """Return the matrices (uint8, flat rows of n*n) and a code per event, 0 where it is a tree.

    Nodes after the leaves may come in any order; those with one child are contracted. For codes
    other than 0 see `parent_problems`; the matrix is zero there. With `forest` there may be any
    number of roots; leaves of different trees have 0.
    """
    n = np.asarray(n_leaves, dtype=np.int64)
    matrices = Ragged.from_counts(np.zeros((n * n).sum(), dtype=np.uint8), n * n)
    codes = np.zeros(len(n), dtype=np.uint8)
    _fill_matrices(parent.flat.astype(np.int64), parent.offsets, n, forest, matrices.offsets, matrices.flat, codes)
    return matrices, codes


@njit(cache=True, nogil=True)
def lowest_leaves(matrix: Array, i: int, top: int, lowest: Array) -> None:
    """Set lowest[h] to the lowest leaf under leaf i's ancestor of height h, -1 if it has none."""
    for h in range(top + 1):
        lowest[h] = -1
    for k in range(len(matrix) - 1, -1, -1):
        lowest[matrix[i, k]] = k
    below = i
    for h in range(1, top + 1):
        if lowest[h] >= 0:
            below = min(below, lowest[h])
            lowest[h] = below


@njit(cache=True, nogil=True)
def _count_nodes(flat: Array, offsets: Array, n_leaves: Array) -> Array:
    counts = np.zeros(len(n_leaves), dtype=np.int64)
    lowest = np.empty(256, dtype=np.int64)
    for event in range(len(n_leaves)):
        n = n_leaves[event]
        counts[event] = n
        if n < 2:
            continue
        matrix = flat[offsets[event] : offsets[event + 1]].reshape(n, n)
        top = matrix.max()
        for i in range(n):
            lowest_leaves(matrix, i, top, lowest)
            for h in range(1, top + 1):
                counts[event] += lowest[h] == i
    return counts


@njit(cache=True, nogil=True)
def _fill_nodes(
    flat: Array, offsets: Array, n_leaves: Array, node_offsets: Array, parent: Array, level: Array
) -> None:
    most = max(n_leaves.max(), 1) if len(n_leaves) else 1
    lowest, number = np.empty((most, 256), dtype=np.int64), np.empty((most, 256), dtype=np.int64)
    for event in range(len(n_leaves)):
        n, first = n_leaves[event], node_offsets[event]
        if n == 0:
            continue
        matrix = flat[offsets[event] : offsets[event + 1]].reshape(n, n)
        top = matrix.max()
        for i in range(n):
            lowest_leaves(matrix, i, top, lowest[i])
            level[first + i] = 0
        nodes = n
        for h in range(1, top + 1):
            for i in range(n):
                number[i, h] = -1
                if lowest[i, h] == i:
                    number[i, h] = nodes
                    level[first + nodes] = h
                    nodes += 1
        for i in range(n):
            node = i
            for h in range(1, top + 1):
                if lowest[i, h] >= 0 and node >= 0:
                    parent[first + node] = number[lowest[i, h], h]
                    node = number[i, h]
            if node >= 0:
                parent[first + node] = -1


@njit(cache=True, nogil=True)
def _count_children(parent: Array, n: int, forest: bool, children: Array) -> int:
    """Count every node's children; return a code."""
    nodes, roots = len(parent), 0
    if nodes < n:
        return TOO_FEW
    children[:nodes] = 0
    for node in range(nodes):
        if parent[node] < -1 or parent[node] >= nodes:
            return OUT_OF_RANGE
        if parent[node] < 0:
            roots += 1
        else:
            children[parent[node]] += 1
    if nodes > 0 and roots == 0:
        return NO_ROOT
    if roots > 1 and not forest:
        return TWO_ROOTS
    for node in range(nodes):
        if node < n and children[node]:
            return LEAF_WITH_CHILDREN
        if node >= n and not children[node]:
            return CHILDLESS
    return VALID


@njit(cache=True, nogil=True)
def _climb(parent: Array, n: int, children: Array, height: Array, queue: Array) -> int:
    """Fill the height of every node, a lone child's handed on; return a code.

    Nodes are taken once all their children are (A. B. Kahn, CACM 5 (1962) 558), so that those on
    a cycle never are.
    """
    nodes, taken, at = len(parent), n, 0
    height[:nodes] = 0
    waiting = children[:nodes].copy()
    for leaf in range(n):
        queue[leaf] = leaf
    while at < taken:
        node = queue[at]
        at += 1
        up = parent[node]
        if up < 0:
            continue
        height[up] = max(height[up], height[node] + (children[up] > 1))
        waiting[up] -= 1
        if waiting[up] == 0:
            queue[taken] = up
            taken += 1
    if taken < nodes:
        return CYCLE
    return TOO_HIGH if nodes and height[:nodes].max() > 255 else VALID


@njit(cache=True, nogil=True)
def fill_pairs(parent: Array, level: Array, n: int, mark: Array, matrix: Array) -> None:
    """Write the level of the lowest common ancestor of each pair of leaves into n*n zeros; `mark` is scratch."""
    mark[: len(parent)] = -1
    for i in range(n):
        node = i
        while node >= 0:
            mark[node] = i
            node = parent[node]
        for j in range(i + 1, n):
            node = j
            while node >= 0 and mark[node] != i:
                node = parent[node]
            if node >= 0:
                matrix[i * n + j] = matrix[j * n + i] = level[node]


@njit(cache=True, nogil=True)
def _fill_matrices(
    flat: Array, offsets: Array, n_leaves: Array, forest: bool, matrix_offsets: Array, matrices: Array, codes: Array
) -> None:
    most = 1
    for event in range(len(n_leaves)):
        most = max(most, offsets[event + 1] - offsets[event])
    children, height, queue, mark = np.empty((4, most), dtype=np.int64)
    for event in range(len(n_leaves)):
        n, start = n_leaves[event], matrix_offsets[event]
        parent = flat[offsets[event] : offsets[event + 1]]
        code = _count_children(parent, n, forest, children)
        if code == VALID:
            code = _climb(parent, n, children, height, queue)
        codes[event] = code
        if code != VALID:
            continue
        fill_pairs(parent, height, n, mark, matrices[start : start + n * n])
