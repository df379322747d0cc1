"""Learned spectra of a quantity that is measured with a known resolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

GAIN = 20.0
"""Change of the logarithm of a spectrum per change of its parameter: lines are orders of magnitude
above what is between them, far for an optimiser whose steps suit the weights of layers."""


class LearnedSpectra(nn.Module):
    r"""Log-densities of a measured value under spectra that are learned.

    With spectra :math:`w_k \ge 0` on a grid, the outputs are
    :math:`\log \int w_k(x')\,N(x';\,x, \sigma)\,dx'`: what a likelihood would say of a value x
    measured with resolution :math:`\sigma`, if the lines of the spectrum were known. They are not
    told but learned; at first the spectra are flat. The integrals are taken for a grid of
    resolutions by Fourier transform, once per call, and interpolated for each value.

    Args:
        channels: number of spectra, K.
        bins: bins of the grid.
        upper: upper end of the grid, which begins at 0; values above are taken as that.

    Shapes: value and resolution (...), both in the unit of `upper`; output float32 (..., K).
    """

    frequencies: Tensor
    widths: Tensor
    fixed: Tensor | None

    def __init__(self, channels: int, bins: int, upper: float) -> None:
        super().__init__()
        self.upper, self.bins = upper, bins
        # The transform is periodic: beyond the grid lies as much again, which stays empty.
        self.log_weight = nn.Parameter(0.1 / GAIN * torch.randn(channels, bins))
        step = upper / bins
        levels = max(2, round(3 * math.log2(0.25 * upper / step)))
        widths = step * torch.logspace(-1, math.log2(0.125 * upper / step), levels, base=2.0)
        self.log_range = math.log(float(widths[0])), math.log(float(widths[-1]))
        self.register_buffer("frequencies", torch.fft.rfftfreq(2 * bins, step), persistent=False)
        self.register_buffer("widths", widths, persistent=False)
        self.register_buffer("fixed", None, persistent=False)

    def fix(self) -> None:
        """Take the integrals once and for all, as for a network that is not trained any more."""
        self.fixed = self._table().detach()

    def forward(self, value: Tensor, resolution: Tensor) -> Tensor:
        """Return the log-densities."""
        table = self._table() if self.fixed is None else self.fixed
        levels = len(self.widths)
        low, high = self.log_range
        across = (value.clamp(0.0, self.upper).float() / self.upper * self.bins - 0.5).clamp(0.0, self.bins - 1.001)
        down = ((resolution.float().clamp_min(1e-9).log() - low) / (high - low) * (levels - 1)).clamp(0.0, levels - 1.001)
        column, row = across.floor(), down.floor()
        x, y = (across - column)[..., None], (down - row)[..., None]
        first = row.long() * self.bins + column.long()
        here, right, below, across_below = (
            nn.functional.embedding(first + shift, table) for shift in (0, 1, self.bins, self.bins + 1))
        mixed: Tensor = (1 - y) * ((1 - x) * here + x * right) + y * ((1 - x) * below + x * across_below)
        return mixed

    def _table(self) -> Tensor:
        """Return the log-densities at all grid points, (levels * bins, K)."""
        spectrum = torch.fft.rfft((GAIN * self.log_weight).clamp(-20, 20).exp(), n=2 * self.bins)
        kept = torch.exp(-2 * (math.pi * self.widths[:, None, None] * self.frequencies) ** 2)
        smeared = torch.fft.irfft(spectrum * kept, n=2 * self.bins)[..., : self.bins]
        table: Tensor = smeared.clamp_min(1e-4).log().permute(0, 2, 1).flatten(0, 1)
        return table
