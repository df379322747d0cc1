"""Which matrices are those of a tree, or of a forest, and what is wrong with the others: compiled, for many events.

The time grows with the square of the number of leaves. A matrix is ultrametric if it equals the largest
levels on the ways through its minimum spanning tree (R. C. Prim, Bell Syst. Tech. J. 36 (1957) 1389;
J. C. Gower and G. J. S. Ross, Appl. Stat. 18 (1969) 54).
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged
from .matrices import lowest_leaves
from .validity_rules import ONE_TREE, ValidityRules

VALID, WRONG_LENGTH, DIAGONAL, ASYMMETRIC, APART, NOT_ULTRAMETRIC, GAP = range(7)
"""What is wrong with a matrix."""

NO_TREE = 256
"""What 0 between two leaves counts as: above all levels."""


def is_valid(matrices: Array, rules: ValidityRules = ONE_TREE) -> NDArray[np.bool_]:
    """Return which matrices are valid, shape (B,), from uint8 (B, n, n).

    Symmetric, zero on the diagonal, ultrametric (M_ij <= max(M_ik, M_kj), where 0 between two
    leaves counts as above all levels), and as `rules` say.
    """
    events, n = matrices.shape[:2]
    counts = np.full(events, n, dtype=np.int64)
    return is_valid_ragged(Ragged.from_counts(matrices.reshape(-1), counts * n), counts, rules)


def is_valid_ragged(matrices: Ragged, n_leaves: Array, rules: ValidityRules = ONE_TREE) -> NDArray[np.bool_]:
    """Return which matrices (flat rows of n*n) are valid; rows of wrong length are not."""
    valid: NDArray[np.bool_] = matrix_codes(matrices, n_leaves, rules) == VALID
    return valid


def matrix_codes(matrices: Ragged, n_leaves: Array, rules: ValidityRules = ONE_TREE) -> NDArray[np.uint8]:
    """Return what is wrong with each matrix (flat rows of n*n), the first of the codes above that fits; 0 is nothing."""
    n = np.asarray(n_leaves, dtype=np.int64)
    codes: NDArray[np.uint8] = _codes(matrices.flat, matrices.offsets, n, *rules)
    return codes


@njit(cache=True, nogil=True)
def _codes(flat: Array, offsets: Array, n_leaves: Array, forest: bool, gap_free: bool) -> Array:
    codes = np.zeros(len(n_leaves), dtype=np.uint8)
    most = max(n_leaves.max(), 1) if len(n_leaves) else 1
    path, has_child = np.empty((most, most), dtype=np.int64), np.empty((most, 256), dtype=np.bool_)
    work = np.empty((3, most), dtype=np.int64)
    for event in range(len(n_leaves)):
        n, start, stop = n_leaves[event], offsets[event], offsets[event + 1]
        if stop - start != n * n:
            codes[event] = WRONG_LENGTH
            continue
        matrix = flat[start:stop].reshape(n, n)
        codes[event] = _simple_faults(matrix, forest)
        if codes[event] == VALID and not largest_levels(matrix, path, work):
            codes[event] = NOT_ULTRAMETRIC
        if codes[event] == VALID and gap_free and not _has_no_gaps(matrix, has_child):
            codes[event] = GAP
    return codes


@njit(cache=True, nogil=True)
def _simple_faults(matrix: Array, forest: bool) -> int:
    n = len(matrix)
    for i in range(n):
        if matrix[i, i] != 0:
            return DIAGONAL
    apart = False
    for i in range(n):
        for j in range(i):
            if matrix[i, j] != matrix[j, i]:
                return ASYMMETRIC
            apart |= matrix[i, j] == 0
    return APART if apart and not forest else VALID


@njit(cache=True, nogil=True)
def largest_levels(matrix: Array, path: Array, work: Array) -> bool:
    """Fill `path` with the largest level on the way between any two leaves in a minimum spanning tree.

    The leaves are added to the tree one by one. Off the diagonal, that is the largest ultrametric below
    the matrix; return whether it is the matrix itself. `work` is scratch, (3, n).
    """
    n, same = len(matrix), True
    nearest, through, order = work
    for i in range(n):
        nearest[i] = _level(matrix[0, i])
        through[i] = 0
    if n:
        order[0] = 0
        nearest[0] = -1
    for taken in range(1, n):
        new = -1
        for i in range(n):
            if nearest[i] >= 0 and (new < 0 or nearest[i] < nearest[new]):
                new = i
        step, by = nearest[new], through[new]
        for k in range(taken):
            old = order[k]
            way = step if old == by else max(step, path[by, old])
            same &= way == _level(matrix[new, old])
            path[new, old] = path[old, new] = way
        order[taken] = new
        nearest[new] = -1
        for i in range(n):
            level = _level(matrix[new, i])
            if level < nearest[i]:
                nearest[i], through[i] = level, new
    return same


@njit(cache=True, nogil=True)
def _level(value: int) -> int:
    return NO_TREE if value == 0 else int(value)


@njit(cache=True, nogil=True)
def _has_no_gaps(matrix: Array, has_child: Array) -> bool:
    """Whether every node of height h >= 2 of an ultrametric matrix has a child of height h - 1."""
    n = len(matrix)
    top = matrix.max() if n else 0
    if top < 2:
        return True
    lowest, below = np.empty((n, top + 1), dtype=np.int64), 0
    has_child[:n, : top + 1] = False
    for i in range(n):
        lowest_leaves(matrix, i, top, lowest[i])
        below = 0
        for h in range(1, top + 1):
            if lowest[i, h] >= 0:
                has_child[lowest[i, h], h] |= below == h - 1
                below = h
    for i in range(n):
        for h in range(2, top + 1):
            if lowest[i, h] == i and not has_child[i, h]:
                return False
    return True
