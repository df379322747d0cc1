"""Scores as the decoder takes them: bounded, summed over the pairs in sets of leaves, and of given trees."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array
from .vector_kernel import LANES, ONE

BOUND = 1e4
"""Scores are taken between -BOUND and BOUND, NaN as -BOUND: in effect forbidden."""


def bounded(scores: Array) -> NDArray[np.float32]:
    """Return the scores as finite float32."""
    scores = np.asarray(scores, dtype=np.float32)
    finite: NDArray[np.float32] = np.clip(np.nan_to_num(scores, nan=-BOUND), -BOUND, BOUND)
    return finite


class Scores(NamedTuple):
    """Bounded scores of events of n leaves; what is not given has no second axis."""

    pairs: NDArray[np.float32]
    clades: NDArray[np.float32]
    leaves: NDArray[np.float32]
    trees: NDArray[np.float32]


def checked(pairs: Array, clades: Array | None, leaves: Array | None, trees: Array | None) -> Scores:
    """Return bounded scores.

    Raises:
        ValueError: shapes that do not fit each other, or scores of whole trees without forests.
    """
    events, n, width, classes = pairs.shape
    if n != width or not 2 <= classes <= LANES:
        raise ValueError(f"pair scores must be (B, n, n, C) with C from 2 to {LANES}, not {pairs.shape}")
    if trees is not None and leaves is None:
        raise ValueError("scores of whole trees need scores of leaves: without these, an event is one tree")
    absent = np.zeros((events, 0), dtype=np.float32)
    return Scores(
        bounded(pairs),
        absent[..., None] if clades is None else _shaped("clade", clades, (events, 1 << n, classes)),
        absent[..., None] if leaves is None else _shaped("leaf", leaves, (events, n, 2)),
        absent if trees is None else _shaped("tree", trees, (events, 1 << n)),
    )


def _shaped(name: str, scores: Array, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if scores.shape != shape:
        raise ValueError(f"{name} scores must be {shape}, not {scores.shape}")
    return bounded(scores)


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
            for h in range(classes):
                within[s + lone, h] = (
                    within[s, h] + within[s + lone - other, h] - within[s - other, h] + pairs[i, j, h])


@njit(cache=True, nogil=True)
def set_level(matrix: Array, subset: Any, level: int) -> None:
    """Set the level of all pairs of leaves of a set, uint64, in matrix (n, n)."""
    for i in range(len(matrix)):
        for j in range(i):
            if (subset >> np.uint64(i)) & (subset >> np.uint64(j)) & ONE:
                matrix[i, j] = matrix[j, i] = level


@njit(cache=True, nogil=True)
def add_tree(
    pairs: Array, clades: Array, leaves: Array, trees: Array, matrix: Array, background: Array, score: Array
) -> None:
    """Set `score` (B,) to the scores of the trees or forests `matrix` (B, n, n)."""
    events, n, _, classes = pairs.shape
    lowest_class = 1 if leaves.shape[1] == 0 else 0
    for event in range(events):
        total = 0.0
        for i in range(n):
            for j in range(i + 1, n):
                h = matrix[event, i, j]
                total += pairs[event, i, j, h] if lowest_class <= h < classes else -BOUND
        if clades.shape[1]:
            for i in range(n):
                total += _nodes_of_leaf(clades[event], matrix[event], i)
        if leaves.shape[1]:
            for i in range(n):
                total += leaves[event, i, 0 if background[event, i] else 1]
                if trees.shape[1] and not background[event, i]:
                    total += _tree_of_leaf(trees[event], matrix[event], i)
        score[event] = total


@njit(cache=True, nogil=True)
def _nodes_of_leaf(clades: Array, matrix: Array, i: int) -> float:
    """Return the summed scores of the nodes whose lowest leaf is i."""
    n, classes = len(matrix), clades.shape[1]
    total = 0.0
    for h in range(1, classes):
        subset, present, lowest = 1 << i, False, True
        for k in range(n):
            if 0 < matrix[i, k] <= h:
                subset |= 1 << k
                present |= matrix[i, k] == h
                lowest &= k >= i
        if present and lowest:
            total += clades[subset, h]
    return total


@njit(cache=True, nogil=True)
def _tree_of_leaf(trees: Array, matrix: Array, i: int) -> float:
    """Return the score of leaf i's tree if i is its lowest leaf, else 0."""
    subset = 1 << i
    for k in range(len(matrix)):
        if matrix[i, k] > 0:
            if k < i:
                return 0.0
            subset |= 1 << k
    score: float = trees[subset]
    return score
