"""Probability distributions over the matchings of a graph: each node has one partner, or none."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

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


class _LogSum(torch.autograd.Function):
    """The logarithm of the sum over matchings; its gradient is the edges' probabilities."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, n: int, first: Tensor, second: Tensor) -> Tensor:
        marginal, total = matching_marginals(n, first.cpu().numpy(), second.cpu().numpy(), weight.detach().cpu().double().numpy())
        ctx.save_for_backward(torch.from_numpy(marginal).to(weight))
        return weight.new_tensor(total)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (marginal,) = ctx.saved_tensors
        return gradients[0] * marginal, None, None, None


def matching_loss(weight: Tensor, n: int, first: Tensor, second: Tensor, true: Tensor) -> Tensor:
    """Return minus the logarithm of the true matching's probability; see `matching_marginals`.

    Args:
        weight: (m,).
        n: number of nodes.
        first, second: int64 (m,), nodes of each edge.
        true: bool (m,), edges of the true matching, no two at a node.
    """
    log_sum: Tensor = _LogSum.apply(weight, n, first, second)  # type: ignore[no-untyped-call]
    return log_sum - torch.where(true, weight, 0).sum()
