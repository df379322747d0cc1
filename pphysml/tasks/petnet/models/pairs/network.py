"""A small network that corrects what the likelihood says of candidate pairs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .....nn.mlp import two_layer
from .features import NAMES

CERTAIN = 0.01
"""Probabilities of being unscattered are taken to be so far from 0 and 1 at least."""


class PairNetwork(nn.Module):
    """Scores of pairs, from their features and from those of the pairs that share a single with them.

    The score is the logarithm of the likelihood's factor plus a correction, which is zero before the
    training; so is what is added to the logit of being unscattered. Pairs that share singles tell each
    other of themselves: the sum over the pairs of a single goes back to each of them. So the scores do
    not depend on the order of pairs or singles.

    Args:
        width: of a pair's state; rounds: how often pairs tell each other.
    """

    def __init__(self, width: int, rounds: int) -> None:
        super().__init__()
        self.first = two_layer(len(NAMES), width, width)
        self.rounds = nn.ModuleList(two_layer(3 * width, width, width) for _ in range(rounds))
        self.out = nn.Linear(width, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, features: Tensor, log_factor: Tensor, unscattered: Tensor, prompt: Tensor, first: Tensor, second: Tensor, n_singles: int
    ) -> tuple[Tensor, Tensor]:
        """Return the logarithm of each pair's factor, and the logit of it being unscattered if it is no random one.

        Args:
            features: (P, len(NAMES)); log_factor: (P,), see `PairFeatures`.
            unscattered: (P,), probability that a true pair is unscattered, as the likelihood tells it.
            prompt: (P,), 1 for pairs that others hear of, 0 for delayed ones.
            first, second: int64 (P,), singles of each pair; n_singles: number of singles.

        Returns:
            (P,), (P,).
        """
        state = self.first(features)
        for layer in self.rounds:
            of_single = state.new_zeros(n_singles, state.shape[1])
            told = state * prompt[:, None]
            of_single = of_single.index_add(0, first, told).index_add(0, second, told)
            a, b = of_single[first] - told, of_single[second] - told
            state = state + layer(torch.cat([state, a + b, (a - b).abs()], dim=1))
        correction, of_scattering = self.out(torch.relu(state)).unbind(1)
        return log_factor + correction, torch.logit(unscattered, CERTAIN) + of_scattering
