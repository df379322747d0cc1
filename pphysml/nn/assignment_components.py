"""Connected components of a bipartite graph, and costs of which the best matching has most edges."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array = NDArray[Any]


@njit(cache=True, nogil=True)
def components(left: Array, right: Array, n_left: int, n_right: int) -> Array:
    """Return the connected component of each edge, int64 (E,), numbered as they first appear."""
    parent = np.arange(n_left + n_right)
    for edge in range(len(left)):
        a, b = _root(parent, left[edge]), _root(parent, n_left + right[edge])
        parent[max(a, b)] = min(a, b)
    number, found = np.full(n_left, -1), np.empty(len(left), dtype=np.int64)
    count = 0
    for edge in range(len(left)):
        # The lowest node of a component is on the left.
        root = _root(parent, left[edge])
        if number[root] < 0:
            number[root] = count
            count += 1
        found[edge] = number[root]
    return found


@njit(cache=True, nogil=True)
def _root(parent: Array, node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@njit(cache=True, nogil=True)
def most_edges_first(cost: Array, left: Array, component: Array) -> Array:
    """Lower the costs of each component so far that no edge is worth losing another one for it.

    Exchanging edges along a path changes the sum by less than the range of costs for each of them.

    Args:
        cost: (M, E); left, component: (E,), sorted by left node.
    """
    edges = cost.shape[1]
    count = component.max() + 1 if edges else 0
    nodes, lowered = np.zeros(count), np.empty_like(cost)
    for edge in range(edges):
        if edge == 0 or left[edge] != left[edge - 1]:
            nodes[component[edge]] += 1
    for sample in range(len(cost)):
        low, high = np.full(count, np.inf), np.full(count, -np.inf)
        for edge in range(edges):
            if cost[sample, edge] < np.inf:
                low[component[edge]] = min(low[component[edge]], cost[sample, edge])
                high[component[edge]] = max(high[component[edge]], cost[sample, edge])
        for edge in range(edges):
            i = component[edge]
            worth = (nodes[i] + 2) * (high[i] - low[i]) if high[i] > low[i] else 1.0
            lowered[sample, edge] = cost[sample, edge] - low[i] - worth if cost[sample, edge] < np.inf else np.inf
    return lowered
