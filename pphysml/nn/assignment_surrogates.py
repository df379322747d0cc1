"""Assignment as a layer: exact answers forward, surrogate gradients backward.

The solver is piecewise constant, its gradient zero or undefined. Each function here takes the margin m
of every edge, its logit less those of leaving its two nodes free, and gives assignments a that maximise
<m, a>; costs are -m.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import Function

from .assignment import BipartiteGraph, solve_assignment


def solve(margin: Tensor, graph: BipartiteGraph, may_be_free: bool) -> Tensor:
    """Return the best assignment as 0 and 1 in the type of the margins, (E,) or (M, E).

    Args:
        may_be_free: whether only edges of positive margin are worth it; else most edges are taken.
    """
    free = np.zeros(graph.n_left) if may_be_free else None
    chosen = solve_assignment(graph, -margin.detach().double().cpu().numpy(), free)
    return torch.from_numpy(chosen).to(margin)


class BlackBox(Function):
    r"""Mean assignment under noise, with the difference of two assignments as its gradient.

    With noise :math:`\epsilon_k` and arriving gradient g it passes on
    :math:`\frac{s}{M} \sum_k a(m + \epsilon_k) - a(m - \lambda g + \epsilon_k)`. Without noise this is
    the gradient of M. Vlastelica et al., "Differentiation of blackbox combinatorial solvers",
    arXiv:1912.02175, algorithm 1, where :math:`s = 1/\lambda`; with noise it is implicit maximum
    likelihood, M. Niepert, P. Minervini, L. Franceschi, arXiv:2106.01798, algorithm 1, where s = 1.

    Published convention: :math:`\lambda` is the strength and s = 1, as the tracker of T. Kortus et al.
    has it. Scale-free: :math:`\lambda` is the strength over the largest \|g\|, so that the strength is in
    units of the margin, and :math:`s = 1/\lambda`.
    """

    @staticmethod
    def forward(ctx: Any, margin: Tensor, noise: Tensor, graph: BipartiteGraph, may_be_free: bool, strength: float, scale_free: bool) -> Tensor:
        """Return the mean assignment, (E,), of margins (E,) with each of the noises (M, E)."""
        answer = solve(margin + noise, graph, may_be_free)
        ctx.save_for_backward(margin, noise, answer)
        ctx.options = graph, may_be_free, strength, scale_free
        return answer.mean(0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the margins."""
        margin, noise, answer = ctx.saved_tensors
        graph, may_be_free, strength, scale_free = ctx.options
        largest = float(grad.abs().max()) if grad.numel() else 0.0
        if largest == 0.0:
            return torch.zeros_like(margin), None, None, None, None, None
        step, factor = (strength / largest, largest / strength) if scale_free else (strength, 1.0)
        moved = solve(margin - step * grad + noise, graph, may_be_free)
        return factor * (answer - moved).mean(0), None, None, None, None, None


class Identity(Function):
    """The assignment; its gradient is passed on as if the solver were the identity.

    Reference: S. S. Sahoo et al., "Backpropagation through combinatorial algorithms: identity with
    projection works", arXiv:2205.15213; minus the identity there, for costs.
    """

    @staticmethod
    def forward(ctx: Any, margin: Tensor, graph: BipartiteGraph, may_be_free: bool) -> Tensor:
        """Return the assignment, (E,)."""
        return solve(margin, graph, may_be_free)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient as it came."""
        return grad, None, None


def projected(margin: Tensor, may_be_free: bool) -> Tensor:
    """Return the margins without what the assignment does not feel, for `Identity`.

    That is their scale, the root of the mean square; where most edges are taken, their mean as well.
    """
    if not margin.numel():
        return margin
    if not may_be_free:
        margin = margin - margin.mean()
    return margin / margin.square().mean().sqrt().clamp_min(torch.finfo(margin.dtype).tiny ** 0.5)


class Perturbed(Function):
    r"""Mean assignment under Gaussian noise, with an unbiased gradient.

    :math:`\partial\, \mathrm{E}[a_i(m + \sigma z)] / \partial m_j = \mathrm{E}[a_i z_j] / \sigma`: Q.
    Berthet et al., "Learning with differentiable perturbed optimizers", arXiv:2002.08676, proposition
    3.1. Terms between connected components, zero in the mean, are left out.
    """

    @staticmethod
    def forward(ctx: Any, margin: Tensor, noise: Tensor, graph: BipartiteGraph, may_be_free: bool, sigma: float) -> Tensor:
        """Return the mean assignment, (E,), of margins (E,) with standard normal noise (M, E)."""
        answer = solve(margin + sigma * noise, graph, may_be_free)
        ctx.save_for_backward(noise, answer)
        ctx.graph, ctx.sigma = graph, sigma
        return answer.mean(0)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient of the margins."""
        noise, answer = ctx.saved_tensors
        part = torch.as_tensor(ctx.graph.component, device=grad.device)
        value = torch.zeros_like(answer).index_add(1, part, answer * grad)
        return (value[:, part] * noise).mean(0) / ctx.sigma, None, None, None, None
