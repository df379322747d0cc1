"""Batch normalisation of rows, in a form that can be folded into the linear layer behind it."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

EPSILON, MOMENTUM = 1e-5, 0.1


class RowNorm(nn.Module):
    """Batch normalisation of rows (S. Ioffe, C. Szegedy, arXiv:1502.03167).

    Unlike torch's it counts no batches (an integer has no moving average, which the training takes
    of all buffers), and a batch without two rows, which has no variance, takes the running one.

    Shapes: rows (N, width).
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the normalised rows."""
        from_batch = self.training and len(rows) > 1
        return batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, from_batch, MOMENTUM, EPSILON)

    @torch.no_grad()
    def absorb(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running statistics as a batch of `count` rows with these moments would."""
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), MOMENTUM)
        self.running_var.lerp_((variance * (count / (count - 1))).to(self.running_var.dtype), MOMENTUM)

    def fold(self, linear: nn.Linear, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor]:
        """Return weight and bias of the linear layer that does what this and then `linear` do.

        Args:
            linear: the layer behind.
            mean, variance: moments to normalise with, (width,).
        """
        scale = self.weight * torch.rsqrt(variance + EPSILON)
        return linear.weight * scale, linear.bias + linear.weight @ (self.bias - mean * scale)
