"""Adversaries that guess the distribution of a mass from a score, and conditions beside it.

Each returns -log p(mass | score, conditions) of every jet, whose mean over the background, weighted, is a term of the
loss that belongs to the adversary: `contract.Term.of_adversary`, or without it behind `nn.gradient_reversal`.

References: G. Louppe et al., arXiv:1611.01046; C. Shimmin et al., arXiv:1703.03507 (bins); ATL-PHYS-PUB-2018-014 (mixture).
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..nn.mlp import two_layer

NARROWEST, WIDEST = 1e-3, 1.0
"""Widths of a component, in units of the range of masses; single masses would else be peaks without end."""


def equal_bins(mass: NDArray[np.floating], bins: int) -> NDArray[np.float64]:
    """Return the edges between bins that hold equal numbers of jets, (bins - 1,), fewer where masses are equal."""
    return np.unique(np.quantile(mass, np.linspace(0, 1, bins + 1)[1:-1])).astype(np.float64)


class MassBins(nn.Module):
    """Guess the bin that the mass is in.

    Args:
        edges: between the bins, increasing; see `equal_bins`.
        conditions: how many columns are given beside the score, scaled to the order of 1, such as log pT.
        hidden: width of the hidden layer.
    """

    edges: Tensor

    def __init__(self, edges: NDArray[np.floating], conditions: int = 0, hidden: int = 64) -> None:
        super().__init__()
        self.register_buffer("edges", torch.as_tensor(edges, dtype=torch.float32))
        self.layers = two_layer(1 + conditions, hidden, len(edges) + 1)

    def forward(self, score: Tensor, mass: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return -log of the probability of the bin of each jet, (n,).

        Args:
            score, mass: (n,).
            conditions: (n, columns), where there are any.
        """
        logits = self.layers(_inputs(score, conditions)).float()
        bin_ = torch.bucketize(mass.float(), self.edges, right=True)
        return nn.functional.cross_entropy(logits, bin_, reduction="none")


class MassMixture(nn.Module):
    """Guess the density of the mass as a mixture of Gaussians, each cut off and normalised to 1 inside the range.

    Args:
        low, high: range of masses; those outside count as at its ends.
        conditions, hidden: as in `MassBins`.
        components: how many Gaussians.
    """

    def __init__(self, low: float, high: float, conditions: int = 0, hidden: int = 64, components: int = 20) -> None:
        super().__init__()
        self.low, self.high = low, high
        self.layers = two_layer(1 + conditions, hidden, 3 * components)
        middle = (torch.arange(components) + 0.5) / components
        side_by_side = torch.cat([torch.zeros_like(middle), torch.logit(middle), torch.full_like(middle, -math.log(components))])
        last = self.layers[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.bias.copy_(side_by_side)

    def forward(self, score: Tensor, mass: Tensor, conditions: Tensor | None = None) -> Tensor:
        """Return -log of the density of each jet's mass in units of the range, (n,); arguments as in `MassBins`."""
        share, place, width = self.layers(_inputs(score, conditions)).float().chunk(3, dim=1)
        centre, width = torch.sigmoid(place), NARROWEST + (WIDEST - NARROWEST) * torch.sigmoid(width)
        scaled = ((mass.float() - self.low) / (self.high - self.low)).clamp(0.0, 1.0)[:, None]
        inside = torch.special.ndtr((1 - centre) / width) - torch.special.ndtr(-centre / width)
        density = -0.5 * ((scaled - centre) / width) ** 2 - torch.log(width * inside) - 0.5 * math.log(2 * math.pi)
        return -torch.logsumexp(torch.log_softmax(share, 1) + density, 1)


def _inputs(score: Tensor, conditions: Tensor | None) -> Tensor:
    return score[:, None] if conditions is None else torch.cat([score[:, None], conditions], 1)
