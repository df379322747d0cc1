"""Which matrices are those of a tree, or of a forest: compiled, for many events."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged
from .validity_rules import ONE_TREE, ValidityRules


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
    n = np.asarray(n_leaves, dtype=np.int64)
    valid: NDArray[np.bool_] = _are_valid(matrices.flat, matrices.offsets, n, *rules)
    return valid


@njit(cache=True, nogil=True)
def _are_valid(flat: Array, offsets: Array, n_leaves: Array, forest: bool, gap_free: bool) -> Array:
    valid = np.zeros(len(n_leaves), dtype=np.bool_)
    for event in range(len(n_leaves)):
        n, start, stop = n_leaves[event], offsets[event], offsets[event + 1]
        if stop - start == n * n:
            matrix = flat[start:stop].reshape(n, n)
            valid[event] = _is_ultrametric(matrix, forest) and (not gap_free or _has_no_gaps(matrix))
    return valid


@njit(cache=True, nogil=True)
def _is_ultrametric(matrix: Array, forest: bool) -> bool:
    n = len(matrix)
    for i in range(n):
        if matrix[i, i] != 0:
            return False
        for j in range(i):
            if matrix[i, j] != matrix[j, i] or (matrix[i, j] == 0 and not forest):
                return False
            for k in range(n):
                if k != i and k != j and _level(matrix[i, j]) > max(_level(matrix[i, k]), _level(matrix[k, j])):
                    return False
    return True


@njit(cache=True, nogil=True)
def _level(value: int) -> int:
    return 256 if value == 0 else value


@njit(cache=True, nogil=True)
def _has_no_gaps(matrix: Array) -> bool:
    """Whether under every node of height h >= 2 there is one of height h - 1."""
    n = len(matrix)
    for i in range(n):
        for j in range(n):
            h = matrix[i, j]
            if h >= 2 and not _has_child_below(matrix, i, h):
                return False
    return True


@njit(cache=True, nogil=True)
def _has_child_below(matrix: Array, i: int, h: int) -> bool:
    """Whether the ancestor of leaf i of height h has two leaves that meet at h - 1."""
    n = len(matrix)
    for u in range(n):
        if u != i and not 0 < matrix[i, u] <= h:
            continue
        for v in range(u):
            if matrix[u, v] == h - 1 and (v == i or 0 < matrix[i, v] <= h):
                return True
    return False
