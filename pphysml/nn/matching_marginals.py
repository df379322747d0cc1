"""Probabilities of the edges of a graph in its matchings: each node has one partner, or none."""

from __future__ import annotations

import numpy as np

from ..io.ragged import Array
from .matching_kernel import all_marginals, components

LARGEST_WEIGHT = 40.0
"""Larger logarithms are cut, so that products over a component stay finite."""


def matching_marginals(n: int, first: Array, second: Array, weight: Array) -> tuple[Array, float]:
    """Return the probability of every edge, and the logarithm of the sum over all matchings.

    The probability of a matching is the product of its edges' factors exp(weight), over the sum of
    these products. So an edge that shares no node with another has the probability of a logistic
    function, and the edges of a node never have more than one together. Components with more than ten
    nodes are summed by belief propagation, which is exact on trees.

    Args:
        n: number of nodes.
        first, second: int64 (m,), nodes of each edge.
        weight: float (m,).

    Returns:
        float64 (m,), and the logarithm.
    """
    first, second = np.ascontiguousarray(first, dtype=np.int64), np.ascontiguousarray(second, dtype=np.int64)
    weights = np.clip(np.asarray(weight, dtype=np.float64), -LARGEST_WEIGHT, LARGEST_WEIGHT)
    marginal = np.zeros(len(first))
    if not len(first):
        return marginal, 0.0
    of_edge = components(n, first, second)[first]
    order = np.argsort(of_edge, kind="stable")
    bounds = np.append(np.flatnonzero(np.diff(of_edge[order], prepend=-1)), len(order))
    return marginal, float(all_marginals(n, first, second, weights, order, bounds, marginal))
