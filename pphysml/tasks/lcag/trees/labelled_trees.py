"""Matrices of trees whose nodes have any classes, also a higher one below a lower one: compiled, for many events.

Of such trees the class of the lowest common ancestor is a symbolic ultrametric (S. Boecker and A. Dress,
Adv. Math. 138 (1998) 105): around a node, the pairs of leaves that meet elsewhere do not hang together.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged
from .validity import NO_TREE, largest_levels


def merged(matrices: Ragged, n_leaves: Array) -> tuple[Ragged, NDArray[np.bool_]]:
    """Return the matrices with each node of a higher class than one above it merged with the node above.

    Args:
        matrices: symmetric, 0 on the diagonal, flat rows of n*n.

    Returns:
        The matrices, ultrametric, as `ancestors.stage_matrices` makes them of the trees themselves; and which of
        the given ones are of trees at all, bool (events,).
    """
    n = np.asarray(n_leaves, dtype=np.int64)
    found = Ragged(np.empty_like(matrices.flat), matrices.offsets)
    return found, _merge_all(matrices.flat, matrices.offsets, n, found.flat)


@njit(cache=True, nogil=True)
def _merge_all(flat: Array, offsets: Array, n_leaves: Array, found: Array) -> Array:
    most = max(n_leaves.max(), 1) if len(n_leaves) else 1
    path, work = np.empty((most, most), dtype=np.int64), np.empty((3, most), dtype=np.int64)
    of_tree = np.zeros(len(n_leaves), dtype=np.bool_)
    for event in range(len(n_leaves)):
        n, start = n_leaves[event], offsets[event]
        matrix = flat[start : start + n * n].reshape(n, n)
        of_tree[event] = _is_of_a_tree(matrix)
        largest_levels(matrix, path, work)
        for i in range(n):
            for j in range(n):
                found[start + i * n + j] = 0 if i == j or path[i, j] == NO_TREE else path[i, j]
    return of_tree


@njit(cache=True, nogil=True)
def _is_of_a_tree(matrix: Array) -> bool:
    """Split the leaves by the class of their root, and what is left again."""
    n = len(matrix)
    leaves, part = np.arange(n), np.empty(n, dtype=np.int64)
    stack, waiting = np.empty((n + 1, 2), dtype=np.int64), 1
    stack[0] = 0, n
    while waiting:
        waiting -= 1
        start, stop = stack[waiting]
        if stop - start < 3:
            continue
        parts = _split(matrix, leaves[start:stop], part)
        if parts < 2:
            return False
        first = start
        for k in range(start + 1, stop + 1):
            if k == stop or part[k - start] != part[first - start]:
                stack[waiting] = first, k
                waiting += 1
                first = k
    return True


@njit(cache=True, nogil=True)
def _split(matrix: Array, leaves: Array, part: Array) -> int:
    """Sort leaves by the root's child that they are below, and number these in `part`; return how many there are."""
    tried = np.zeros(256, dtype=np.bool_)
    for other in leaves[1:]:
        root = matrix[leaves[0], other]
        if tried[root]:
            continue
        tried[root] = True
        parts = _hanging_together(matrix, leaves, root, part)
        if parts > 1:
            order = np.argsort(part[: len(leaves)], kind="mergesort")
            leaves[:] = leaves[order]
            part[: len(leaves)] = part[: len(leaves)][order]
            return parts
    return 1


@njit(cache=True, nogil=True)
def _hanging_together(matrix: Array, leaves: Array, root: int, part: Array) -> int:
    """Number the sets of leaves that are joined by pairs which do not meet in the class `root`."""
    k, parts = len(leaves), 0
    part[:k] = -1
    queue = np.empty(k, dtype=np.int64)
    for seed in range(k):
        if part[seed] >= 0:
            continue
        part[seed], queue[0], head, tail = parts, seed, 0, 1
        while head < tail:
            at = queue[head]
            head += 1
            for other in range(k):
                if part[other] < 0 and matrix[leaves[at], leaves[other]] != root:
                    part[other] = parts
                    queue[tail] = other
                    tail += 1
        parts += 1
    return parts
