"""Which ancestors count as nodes, and of which class they are: compiled, for many events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged
from ..trees.matrices import fill_pairs


def classes_of(pdg: Array, listed: Sequence[Sequence[int]]) -> NDArray[np.uint8]:
    """Return the class of each particle by its absolute PDG id: 1 for those of the first list, 0 for none."""
    ids = np.array([p for particles in listed for p in particles], dtype=np.int64)
    numbers = np.repeat(np.arange(1, len(listed) + 1), [len(particles) for particles in listed])
    order = np.argsort(ids)
    wanted = np.abs(pdg.astype(np.int64))
    at = np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)
    found: NDArray[np.uint8] = np.where(ids[order][at] == wanted, numbers[order][at], 0).astype(np.uint8)
    return found


def inner_nodes(parent: Ragged, n_leaves: Array) -> NDArray[np.bool_]:
    """Return which nodes (flat) are not leaves."""
    node = np.arange(len(parent.flat)) - np.repeat(parent.offsets[:-1], parent.counts)
    inner: NDArray[np.bool_] = node >= np.repeat(n_leaves, parent.counts)
    return inner


def stage_matrices(parent: Ragged, classes: Array, n_leaves: Array) -> Ragged:
    """Return the classes of the lowest common ancestors, uint8, flat rows of n*n; 0 where there is none.

    A node has the lowest class of itself and all its ancestors, so that levels only increase upwards:
    one without a class, or with a higher one than a node above, is merged with the node above.

    Args:
        parent: valid trees or forests; leaves first.
        classes: class of each node (flat), 0 for none; every root that is no leaf must have one.
    """
    n = np.asarray(n_leaves, dtype=np.int64)
    matrices = Ragged.from_counts(np.zeros((n * n).sum(), dtype=np.uint8), n * n)
    _fill_stages(parent.flat, parent.offsets, np.asarray(classes, dtype=np.int64), n, matrices.offsets, matrices.flat)
    return matrices


def contract(parent: Ragged, counted: Array) -> Ragged:
    """Return the parent arrays of the counted nodes alone, each below its nearest counted ancestor.

    Args:
        parent: valid trees or forests.
        counted: bool per node (flat); true for the leaves.
    """
    number = np.cumsum(counted) - counted
    at = np.concatenate([number, [counted.sum()]])[parent.offsets]
    above = _nearest(parent.flat, parent.offsets, counted)
    first = np.repeat(parent.offsets[:-1], parent.counts)
    renumbered = np.where(above < 0, -1, number[first + np.maximum(above, 0)] - np.repeat(at[:-1], parent.counts))
    return Ragged(renumbered[counted].astype(np.int32), at)


@njit(cache=True, nogil=True)
def _nearest(parent: Array, node_at: Array, counted: Array) -> Array:
    nearest = np.empty(len(parent), dtype=np.int64)
    for event in range(len(node_at) - 1):
        first = node_at[event]
        for node in range(first, node_at[event + 1]):
            up = parent[node]
            while up >= 0 and not counted[first + up]:
                up = parent[first + up]
            nearest[node] = up
    return nearest


@njit(cache=True, nogil=True)
def _fill_stages(
    parent: Array, node_at: Array, classes: Array, n_leaves: Array, matrix_at: Array, matrices: Array
) -> None:
    most = 1
    for event in range(len(n_leaves)):
        most = max(most, node_at[event + 1] - node_at[event])
    level, mark = np.empty((2, most), dtype=np.int64)
    for event in range(len(n_leaves)):
        n, first, nodes = n_leaves[event], node_at[event], node_at[event + 1] - node_at[event]
        for node in range(n, nodes):
            level[node] = 255
            up = node
            while up >= 0:
                if classes[first + up] > 0:
                    level[node] = min(level[node], classes[first + up])
                up = parent[first + up]
        fill_pairs(parent[first : first + nodes], level, n, mark, matrices[matrix_at[event] : matrix_at[event + 1]])
