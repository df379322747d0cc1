"""Sums over all matchings of small graphs, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

LARGEST_EXACT = 10
"""Nodes of a component up to which all matchings are summed; a complete graph of ten has 9496."""

SWEEPS = 60
"""Sweeps of belief propagation on larger components; the messages converge geometrically."""


@njit(cache=True, nogil=True)
def components(n: int, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a number of the connected component of each node, int64 (n,), not consecutive."""
    parent = np.arange(n)
    for e in range(len(first)):
        a, b = first[e], second[e]
        while parent[a] != a:
            parent[a] = parent[parent[a]]
            a = parent[a]
        while parent[b] != b:
            parent[b] = parent[parent[b]]
            b = parent[b]
        if a != b:
            parent[max(a, b)] = min(a, b)
    for i in range(n):
        # Parents are smaller and were made roots before.
        parent[i] = parent[parent[i]]
    return parent


@njit(cache=True, nogil=True)
def exact_marginals(a: NDArray[np.int64], b: NDArray[np.int64], weight: NDArray[np.float64], marginal: NDArray[np.float64]) -> float:
    """Fill in the probability of each edge of one component, and return the logarithm of the sum.

    Every matching is visited once, by a walk over its edges in increasing order.

    Args:
        a, b: nodes of each edge, numbered from 0 to below `LARGEST_EXACT`, int64 (m,).
        weight: logarithms of the edges' factors, (m,).
        marginal: filled in, (m,).
    """
    m = len(a)
    total = 1.0
    marginal[:] = 0.0
    chosen = np.empty(LARGEST_EXACT // 2 + 1, dtype=np.int64)
    masks = np.zeros(LARGEST_EXACT // 2 + 2, dtype=np.int64)
    products = np.ones(LARGEST_EXACT // 2 + 2)
    depth, edge = 0, 0
    while True:
        while edge < m and masks[depth] & ((1 << a[edge]) | (1 << b[edge])):
            edge += 1
        if edge < m:
            chosen[depth] = edge
            masks[depth + 1] = masks[depth] | (1 << a[edge]) | (1 << b[edge])
            products[depth + 1] = products[depth] * np.exp(weight[edge])
            depth += 1
            total += products[depth]
            for k in range(depth):
                marginal[chosen[k]] += products[depth]
            edge += 1
        else:
            if depth == 0:
                break
            depth -= 1
            edge = chosen[depth] + 1
    for e in range(m):
        marginal[e] /= total
    return float(np.log(total))


@njit(cache=True, nogil=True)
def bethe_marginals(
    a: NDArray[np.int64], b: NDArray[np.int64], n: int, weight: NDArray[np.float64], marginal: NDArray[np.float64]
) -> float:
    """The same by belief propagation, exact on trees, for components of any size.

    The message of a node to a neighbour is its probability to be free without that neighbour.
    Source: O. J. Heilmann, E. H. Lieb, Commun. Math. Phys. 25 (1972) 190, for the recursion;
    J. S. Yedidia, W. T. Freeman, Y. Weiss, IEEE Trans. Inf. Theory 51 (2005) 2282, for the sum.
    """
    m = len(a)
    x = np.exp(weight)
    free_a, free_b = np.ones(m), np.ones(m)  # of a without b, of b without a
    load = np.empty(n)
    for _ in range(SWEEPS):
        load[:] = 1.0
        for e in range(m):
            load[a[e]] += x[e] * free_b[e]
            load[b[e]] += x[e] * free_a[e]
        change = 0.0
        for e in range(m):
            new_a = 1.0 / max(load[a[e]] - x[e] * free_b[e], 1.0)
            new_b = 1.0 / max(load[b[e]] - x[e] * free_a[e], 1.0)
            change = max(change, abs(new_a - free_a[e]), abs(new_b - free_b[e]))
            # Half of the old message keeps cycles from oscillating.
            free_a[e], free_b[e] = 0.5 * (free_a[e] + new_a), 0.5 * (free_b[e] + new_b)
        if change < 1e-9:
            break
    load[:] = 1.0
    total = 0.0
    for e in range(m):
        load[a[e]] += x[e] * free_b[e]
        load[b[e]] += x[e] * free_a[e]
        both = x[e] * free_a[e] * free_b[e]
        marginal[e] = both / (1.0 + both)
        total -= np.log1p(both)
    return float(total + np.log(load).sum())


@njit(cache=True, nogil=True)
def all_marginals(
    n: int, first: NDArray[np.int64], second: NDArray[np.int64], weight: NDArray[np.float64], order: NDArray[np.int64],
    bounds: NDArray[np.int64], marginal: NDArray[np.float64]
) -> float:
    """Fill in the probability of every edge, and return the sum of the components' logarithms.

    Args:
        n: number of nodes.
        first, second: nodes of each edge.
        order, bounds: edges sorted by component, and where each component begins in this order (with the end).
    """
    local = np.full(n, -1, dtype=np.int64)
    sums = 0.0
    for c in range(len(bounds) - 1):
        edges = order[bounds[c] : bounds[c + 1]]
        m = len(edges)
        if m == 1:
            e = edges[0]
            x = np.exp(weight[e])
            marginal[e] = x / (1.0 + x)
            sums += np.log1p(x)
            continue
        a, b, w, p = np.empty(m, np.int64), np.empty(m, np.int64), np.empty(m), np.empty(m)
        nodes = 0
        for k in range(m):
            i, j = first[edges[k]], second[edges[k]]
            if local[i] < 0:
                local[i] = nodes
                nodes += 1
            if local[j] < 0:
                local[j] = nodes
                nodes += 1
            a[k], b[k], w[k] = local[i], local[j], weight[edges[k]]
        sums += exact_marginals(a, b, w, p) if nodes <= LARGEST_EXACT else bethe_marginals(a, b, nodes, w, p)
        for k in range(m):
            marginal[edges[k]] = p[k]
            local[first[edges[k]]] = -1
            local[second[edges[k]]] = -1
    return sums


