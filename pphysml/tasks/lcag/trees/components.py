"""Which tree of its event each leaf belongs to."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged

BACKGROUND = -1
"""Component of a leaf that belongs to no tree."""


def components(matrices: Ragged, n_leaves: Array, background: Array) -> Ragged:
    """Return the number of each leaf's tree, int16; trees are numbered by their lowest leaf.

    The matrix alone cannot tell a background leaf from a tree of one leaf: both have zeros only.

    Args:
        matrices: valid matrices, flat rows of n*n.
        n_leaves: (events,).
        background: bool (leaves,), whether a leaf that meets no other is in no tree.
    """
    n = np.asarray(n_leaves, dtype=np.int64)
    found = Ragged.from_counts(np.empty(int(n.sum()), dtype=np.int16), n)
    _number(matrices.flat, matrices.offsets, found.offsets, np.asarray(background, dtype=np.bool_), found.flat)
    return found


def stray_leaves(parent: Ragged, n_leaves: Array) -> NDArray[np.bool_]:
    """Return which leaves (flat) have no parent, although other nodes or leaves are there."""
    n = np.asarray(n_leaves, dtype=np.int64)
    first = np.repeat(parent.offsets[:-1], n)
    leaf = np.arange(len(first)) - np.repeat(np.cumsum(n) - n, n)
    alone: NDArray[np.bool_] = parent.flat[first + leaf] < 0
    return alone


def contradictions(matrices: Ragged, component: Ragged) -> NDArray[np.bool_]:
    """Return the events in which `component` does not say who meets whom, shape (events,)."""
    return _contradict(matrices.flat, matrices.offsets, component.flat, component.offsets)


@njit(cache=True, nogil=True)
def _number(flat: Array, offsets: Array, leaf_at: Array, background: Array, found: Array) -> None:
    for event in range(len(leaf_at) - 1):
        first, n = leaf_at[event], leaf_at[event + 1] - leaf_at[event]
        matrix = flat[offsets[event] : offsets[event + 1]].reshape(n, n)
        trees = 0
        for i in range(n):
            found[first + i] = -2
            alone = True
            for j in range(n):
                if j != i and matrix[i, j] > 0:
                    alone = False
                    if j < i:
                        found[first + i] = found[first + j]
                        break
            if alone and background[first + i]:
                found[first + i] = -1
            elif found[first + i] == -2:
                found[first + i] = trees
                trees += 1


@njit(cache=True, nogil=True)
def _contradict(flat: Array, offsets: Array, component: Array, leaf_at: Array) -> Array:
    wrong = np.zeros(len(leaf_at) - 1, dtype=np.bool_)
    for event in range(len(wrong)):
        first, n = leaf_at[event], leaf_at[event + 1] - leaf_at[event]
        for i in range(n):
            for j in range(i):
                together = component[first + i] == component[first + j] and component[first + i] >= 0
                wrong[event] |= together != (flat[offsets[event] + i * n + j] > 0)
    return wrong
