"""Entropic assignment on a sparse bipartite graph, where every node may stay free."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .assignment import BipartiteGraph


class SoftAssignment(NamedTuple):
    """Logarithms of the shares of each edge (E,), and of each left (L,) and right (R,) node left free."""

    edge: Tensor
    left_free: Tensor
    right_free: Tensor


def sinkhorn(margin: Tensor, graph: BipartiteGraph, temperature: float, iterations: int) -> SoftAssignment:
    r"""Return the entropic assignment of all problems at once, by Sinkhorn's iterations in logarithms.

    It maximises :math:`\langle m, P\rangle + T H(P, f, g)` where the shares at each left node and its
    free share f add up to 1, and likewise g at each right node: a dustbin of score 0 for every node.
    The last iteration ends on the right side, where the sums are exact; on the left they come up to 1
    from below, the slower the larger the scores: k iterations give a link that nothing competes with
    a share of no more than 1 - 1/(k + 1). With T towards 0 this is the exact assignment. Gradients go
    through all iterations. References: G. Mena et al., "Learning latent permutations with
    Gumbel-Sinkhorn networks", arXiv:1802.08665; P.-E. Sarlin et al., "SuperGlue", arXiv:1911.11763,
    for the dustbins, which are one for all nodes there.

    Args:
        margin: (E,), score of each edge above that of leaving its two nodes free.
    """
    left = torch.as_tensor(graph.left, device=margin.device)
    right = torch.as_tensor(graph.right, device=margin.device)
    score = margin / temperature
    left_free, right_free = score.new_zeros(graph.n_left), score.new_zeros(graph.n_right)
    for _ in range(iterations):
        left_free = -_log_one_plus_sum(score + right_free[right], left, graph.n_left)
        right_free = -_log_one_plus_sum(score + left_free[left], right, graph.n_right)
    return SoftAssignment(score + left_free[left] + right_free[right], left_free, right_free)


def sinkhorn_loss(margin: Tensor, graph: BipartiteGraph, truth: Tensor, temperature: float, iterations: int) -> Tensor:
    r"""Return the terms of the Fenchel-Young loss of the entropic assignment, (E,).

    The sum is :math:`\max_P \langle m, P\rangle + T H - \langle m, y\rangle - T H(y)`, convex and 0 for
    P = y only; it is T times the Kullback-Leibler divergence of the shares of edges and free nodes
    from the truth, the cross entropy of SuperGlue. The gradient, P - y, is taken as such, not through
    the iterations: there a wrong link of a large score has none before they converge. Reference: M.
    Blondel, A. Martins, V. Niculae, "Learning with Fenchel-Young losses", arXiv:1901.02324.
    """
    with torch.no_grad():
        shares = sinkhorn(margin, graph, temperature, iterations)
        value = _divergence(shares.edge, truth)
        for nodes, free in ((graph.left, shares.left_free), (graph.right, shares.right_free)):
            node = torch.as_tensor(nodes, device=margin.device)
            at_node = torch.zeros_like(free).index_add(0, node, truth)
            degree = torch.zeros_like(free).index_add(0, node, torch.ones_like(truth))
            value += (_divergence(free, 1 - at_node) / degree)[node]
    return temperature * value + (shares.edge.exp() - truth) * (margin - margin.detach())


def _divergence(log_share: Tensor, truth: Tensor) -> Tensor:
    """Return the divergence of each share from 0 or 1."""
    return log_share.exp() - truth - truth * log_share


def _log_one_plus_sum(values: Tensor, node: Tensor, n: int) -> Tensor:
    """Return log(1 + sum of exp of the values at each node), (n,)."""
    peak = values.new_zeros(n).scatter_reduce(0, node, values.detach(), "amax")
    total = torch.exp(-peak).index_add(0, node, torch.exp(values - peak[node]))
    return peak + total.log()
