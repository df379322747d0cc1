"""A layer that turns the gradient round, so that what stands behind it is an adversary of what stands before it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def reverse_gradient(values: Tensor, strength: float = 1.0) -> Tensor:
    """Return the values as they are; their gradient is multiplied by minus the strength.

    One optimiser then plays both sides of a game at the same time (Y. Ganin et al., arXiv:1505.07818).
    """
    reversed_: Tensor = _Reversal.apply(values, strength)  # type: ignore[no-untyped-call]
    return reversed_


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, strength: float) -> Tensor:
        ctx.strength = strength
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.strength * gradient, None
