"""The logarithm of the probability of a matching, with its gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .matching_marginals import matching_marginals


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
    """Return minus the logarithm of the true matching's probability; see `matching_marginals.matching_marginals`.

    Args:
        weight: (m,).
        n: number of nodes.
        first, second: int64 (m,), nodes of each edge.
        true: bool (m,), edges of the true matching, no two at a node.
    """
    log_sum: Tensor = _LogSum.apply(weight, n, first, second)  # type: ignore[no-untyped-call]
    return log_sum - torch.where(true, weight, 0).sum()
