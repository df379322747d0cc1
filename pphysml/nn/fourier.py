"""Fourier features of a scalar, so that a small network can see sharp lines in it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class FourierFeatures(nn.Module):
    r"""Sines and cosines of a value at periods one octave apart.

    :math:`\phi(x) = (\sin 2\pi x/\lambda_k, \cos 2\pi x/\lambda_k)`, with
    :math:`\lambda_k = 2^k \lambda_0`. Phases are taken modulo one turn in the precision of the
    input, so that float64 values keep their resolution in float32 features. Reference: M. Tancik
    et al., "Fourier features let networks learn high frequency functions", arXiv:2006.10739.

    Args:
        finest: shortest period, in the unit of the value.
        octaves: number of periods.

    Shapes: input (...), output float32 (..., 2 * octaves).
    """

    periods: Tensor

    def __init__(self, finest: float, octaves: int) -> None:
        super().__init__()
        self.width = 2 * octaves
        periods = finest * 2.0 ** torch.arange(octaves, dtype=torch.float64)
        self.register_buffer("periods", periods, persistent=False)

    def forward(self, value: Tensor) -> Tensor:
        """Return the features, sines first."""
        turns = value[..., None] / self.periods.to(value.dtype)
        phase = (2 * math.pi * (turns - turns.round())).float()
        return torch.cat([phase.sin(), phase.cos()], dim=-1)
