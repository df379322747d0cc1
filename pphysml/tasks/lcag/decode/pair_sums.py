"""Scores as the decoder takes them: bounded, and summed over the pairs in every set of leaves."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array
from .lanes import LANES

BOUND = 1e4
"""Scores are taken between -BOUND and BOUND, NaN as -BOUND: in effect forbidden."""


def bounded(scores: Array) -> NDArray[np.float32]:
    """Return the scores as finite float32."""
    scores = np.asarray(scores, dtype=np.float32)
    finite: NDArray[np.float32] = np.clip(np.nan_to_num(scores, nan=-BOUND), -BOUND, BOUND)
    return finite


def checked(pairs: Array, clades: Array | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return bounded scores; without clade scores an array (B, 0, 0).

    Raises:
        ValueError: shapes that do not fit each other.
    """
    events, n, width, classes = pairs.shape
    if n != width or not 2 <= classes <= LANES:
        raise ValueError(f"pair scores must be (B, n, n, C) with C from 2 to {LANES}, not {pairs.shape}")
    if clades is None:
        return bounded(pairs), np.zeros((events, 0, 0), dtype=np.float32)
    if clades.shape != (events, 1 << n, classes):
        raise ValueError(f"clade scores must be {(events, 1 << n, classes)}, not {clades.shape}")
    return bounded(pairs), bounded(clades)


@njit(cache=True, nogil=True)
def add_pairs(pairs: Array, within: Array) -> None:
    """Fill `within[S, h]`, the sum of pairs[i, j, h] over i < j in S, (2**n, LANES)."""
    n, classes = pairs.shape[0], pairs.shape[2]
    within[0] = 0.0
    for i in range(n - 1, -1, -1):
        lone = 1 << i
        within[lone] = 0.0
        for s in range(2 * lone, 1 << n, 2 * lone):
            # The next lowest leaf j, and the sums without i, without j, and without both.
            j = i + 1
            while not (s >> j) & 1:
                j += 1
            other = 1 << j
            for h in range(1, classes):
                within[s + lone, h] = (
                    within[s, h] + within[s + lone - other, h] - within[s - other, h] + pairs[i, j, h])



@njit(cache=True, nogil=True)
def add_tree(pairs: Array, clades: Array, matrix: Array, score: Array) -> None:
    """Set `score` (B,) to the scores of the trees `matrix` (B, n, n)."""
    events, n, _, classes = pairs.shape
    for event in range(events):
        total = 0.0
        for i in range(n):
            for j in range(i + 1, n):
                h = matrix[event, i, j]
                total += pairs[event, i, j, h] if 0 < h < classes else -BOUND
        if clades.shape[1]:
            for i in range(n):
                total += _nodes_of_leaf(clades[event], matrix[event], i)
        score[event] = total


@njit(cache=True, nogil=True)
def _nodes_of_leaf(clades: Array, matrix: Array, i: int) -> float:
    """Return the summed scores of the nodes whose lowest leaf is i."""
    n, classes = len(matrix), clades.shape[1]
    total = 0.0
    for h in range(1, classes):
        subset, present, lowest = 0, False, True
        for k in range(n):
            if matrix[i, k] <= h:
                subset |= 1 << k
                present |= matrix[i, k] == h
                lowest &= k >= i
        if present and lowest:
            total += clades[subset, h]
    return total
