"""Fourier features of a scalar, so that a small network can see sharp lines in it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class FourierFeatures(nn.Module):
    r"""Sines and cosines of a value at geometrically spaced periods.

    :math:`\phi(x) = (\sin 2\pi x/\lambda_k, \cos 2\pi x/\lambda_k)`, with
    :math:`\lambda_k = 2^{k/d} \lambda_0`. Phases are taken modulo one turn in the precision of the
    input, so that float64 values keep their resolution in float32 features. Reference: M. Tancik
    et al., "Fourier features let networks learn high frequency functions", arXiv:2006.10739.

    For a value with a Gaussian resolution :math:`\sigma` the features are their means over it,
    :math:`\exp(-2\pi^2\sigma^2/\lambda_k^2)\,\phi(x)`: what the resolution hides is gone.

    Args:
        finest: shortest period, in the unit of the value.
        octaves: octaves of periods.
        per_octave: periods in each, d.

    Shapes: value (...), resolution (...) or None; output float32 (..., 2 * octaves * per_octave).
    """

    periods: Tensor

    def __init__(self, finest: float, octaves: int, per_octave: int = 1) -> None:
        super().__init__()
        self.width = 2 * octaves * per_octave
        steps = torch.arange(octaves * per_octave, dtype=torch.float64)
        self.register_buffer("periods", finest * 2.0 ** (steps / per_octave), persistent=False)

    def forward(self, value: Tensor, resolution: Tensor | None = None) -> Tensor:
        """Return the features, sines first."""
        turns = value[..., None] / self.periods.to(value.dtype)
        phase = (2 * math.pi * (turns - turns.round())).float()
        sines, cosines = phase.sin(), phase.cos()
        if resolution is not None:
            kept = torch.exp(-2 * (math.pi * resolution[..., None].float() / self.periods.float()) ** 2)
            sines, cosines = sines * kept, cosines * kept
        return torch.cat([sines, cosines], dim=-1)
