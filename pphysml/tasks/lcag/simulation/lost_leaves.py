"""What is left of decay trees when some of their leaves are not seen."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged

Ints = NDArray[np.int64]


def drop_leaves(
    parent: Ragged, leaf_at: Ints, seen: NDArray[np.bool_]
) -> tuple[Ragged, Ragged, Ints]:
    """Take unseen leaves out of trees; nodes with one visible child are contracted.

    Args:
        parent: parent of each node; leaves first, root last, parents after their children.
        leaf_at: offsets of the leaves, (events + 1,).
        seen: per leaf, (leaves,).

    Returns:
        parent and LCAG matrices of what is left, with heights counted anew, and the number of
        leaves per event, which can be 1 (a root alone) or 0 (nothing).
    """
    kept, above = np.zeros(len(parent.flat), dtype=bool), np.empty_like(parent.flat)
    _contract(parent.flat, parent.offsets, leaf_at, seen, kept, above)
    n_seen = np.diff(np.concatenate([[0], np.cumsum(seen)])[leaf_at])
    n_kept = np.diff(np.concatenate([[0], np.cumsum(kept)])[parent.offsets])
    visible = Ragged.from_counts(above[kept], n_kept)
    matrices = Ragged.from_counts(np.zeros(int((n_seen**2).sum()), dtype=np.uint8), n_seen**2)
    _matrices(visible.flat, visible.offsets, n_seen, matrices.flat, matrices.offsets)
    return visible, matrices, n_seen


@njit(cache=True, nogil=True)
def _contract(
    parent: Array, node_at: Ints, leaf_at: Ints, seen: Array, kept: Array, above: Array
) -> None:
    """Fill which nodes stay, and for these the new index of the parent."""
    most = np.diff(node_at).max() if len(node_at) > 1 else 0
    visible_children, number = np.empty((2, most), dtype=np.int64)
    for event in range(len(leaf_at) - 1):
        start, n = node_at[event], leaf_at[event + 1] - leaf_at[event]
        nodes = node_at[event + 1] - start
        visible_children[:nodes] = 0
        count = 0
        # Upwards: nodes with two visible children stay, with one they are contracted.
        for node in range(nodes):
            visible = seen[leaf_at[event] + node] if node < n else visible_children[node] > 0
            kept[start + node] = visible and (node < n or visible_children[node] > 1)
            if kept[start + node]:
                number[node] = count
                count += 1
            above[start + node] = -1
            p = parent[start + node]
            if visible and p >= 0:
                visible_children[p] += 1
        # Downwards: an uncontracted parent's number, or that of the nearest kept ancestor.
        for node in range(nodes - 1, -1, -1):
            p = parent[start + node]
            if p >= 0:
                above[start + node] = number[p] if kept[start + p] else above[start + p]


@njit(cache=True, nogil=True)
def _matrices(parent: Array, node_at: Ints, n_leaves: Ints, lcag: Array, pair_at: Ints) -> None:
    most = np.diff(node_at).max() if len(node_at) > 1 else 0
    height = np.empty(most, dtype=np.int64)
    for event in range(len(n_leaves)):
        start, n = node_at[event], n_leaves[event]
        nodes = node_at[event + 1] - start
        height[:nodes] = 0
        for node in range(nodes - 1):
            p = parent[start + node]
            height[p] = max(height[p], height[node] + 1)
        for i in range(n):
            for j in range(n):
                a, b = i, j
                # The common ancestor has a larger number than both, so the smaller one climbs.
                while a != b:
                    if a < b:
                        a = parent[start + a]
                    else:
                        b = parent[start + b]
                lcag[pair_at[event] + i * n + j] = height[a]
