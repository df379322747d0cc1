"""The strongest message among a link's continuations, compiled on a CPU, plain elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import relay_kernel


def strongest(own: Tensor, other: Tensor, index: Tensor, angle: Tensor, weight: Tensor) -> Tensor:
    r"""Return :math:`\max(0, \max_k (a_e + b_{n_k} + W \theta_k))` of each link e, (E, M).

    Args:
        own, other: a and b, (E, M).
        index: n, the continuations of each link, int64 (E, K), -1 for none.
        angle: theta, features of the deflection, (E, K, F); no gradient is made for them.
        weight: W, (M, F).
    """
    if own.device.type == "cpu" and own.dtype == torch.float32:
        result: Tensor = _Strongest.apply(own, other, index, angle, weight)  # type: ignore[no-untyped-call]
        return result
    return plain_strongest(own, other, index, angle, weight)


def plain_strongest(own: Tensor, other: Tensor, index: Tensor, angle: Tensor, weight: Tensor) -> Tensor:
    """Return the same by tensor operations of size (E, K, M)."""
    messages = torch.relu(own[:, None] + other[index.clamp(min=0)] + angle @ weight.T)
    largest: Tensor = (messages * (index >= 0)[..., None]).amax(1)
    return largest


class _Strongest(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, other: Tensor, index: Tensor, angle: Tensor, weight: Tensor) -> Tensor:
        result = np.empty(own.shape, dtype=np.float32)
        winner = np.empty(own.shape, dtype=np.int8)
        relay_kernel.strongest(_array(own), _array(other), _array(index), _array(angle), _array(weight.T), result, winner)
        ctx.save_for_backward(index, angle)
        ctx.winner = winner
        return torch.from_numpy(result)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        # Of the maximum only the link that won has a gradient.
        index, angle = ctx.saved_tensors
        own, other = (np.zeros(ctx.winner.shape, dtype=np.float32) for _ in range(2))
        weight = np.zeros((angle.shape[-1], own.shape[1]), dtype=np.float32)
        relay_kernel.strongest_gradient(_array(gradient), ctx.winner, _array(index), _array(angle), own, other, weight)
        return torch.from_numpy(own), torch.from_numpy(other), None, None, torch.from_numpy(np.ascontiguousarray(weight.T))


def _array(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()
