"""The Particle Flow Network: a sum over constituents of what a network makes of each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from .head import Head


class ParticleFlowNetwork(nn.Module):
    r"""Particle Flow Network, :math:`F(\sum_i \Phi(x_i))` (P. T. Komiske et al., arXiv:1810.05165); see `networks`.

    Args:
        features: inputs of each constituent.
        classes: outputs.
        jet_inputs: inputs of each jet, of the first layer behind the sum.
        inner, outer: widths of the layers before and behind the sum.
    """

    def __init__(self, features: int, classes: int, jet_inputs: int = 0, inner: Sequence[int] = (128, 128, 128), outer: Sequence[int] = (128, 128, 128)) -> None:
        super().__init__()
        pairs = pairwise([features, *inner])
        self.phi = nn.Sequential(*(nn.Sequential(nn.Linear(before, after), nn.ReLU()) for before, after in pairs))
        self.fc = Head([inner[-1], *outer], classes, jet_inputs)

    def forward(self, particles: Tensor, vectors: Tensor, offsets: Tensor, jets: Tensor | None = None) -> Tensor:
        """Return the logits."""
        made = self.phi(particles)
        sums = made.new_zeros(len(offsets) - 1, made.shape[1]).index_add(0, torch.repeat_interleave(offsets.diff()), made)
        logits: Tensor = self.fc(sums, jets)
        return logits
