"""The frame of our networks: one state per leaf and per unordered pair, blocks, output heads."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from ....nn.mlp import two_layer
from ..config.model import ModelConfig
from ..trees.validity_rules import N_CLASSES
from .clades import CladeHead
from .inputs import Output, energies, pair_inputs
from .network import LcagNetwork, PairIndex


class PairNetwork(LcagNetwork):
    """Four-momenta to the level of every pair's lowest common ancestor, through pair states.

    With `inputs` "invariants" these are leaf masses, energies in the event's rest frame, pair
    masses and angles, so rotating or boosting an event changes nothing (with `frame` "input" only
    rotating); permuting its leaves permutes the output; padding has no influence. One state per
    unordered pair makes the output symmetric and halves the work.

    Args:
        blocks: makes the modules that update the states: `block(leaves, pairs, index)` returns
            the leaves (B, n, width) and pairs (B, P, pair_width).
        config, n_features, forest: see `LcagNetwork`.
        hypotheses: number of mass hypotheses of a leaf.
        n_pair_features: extra features per pair.
    """

    pair_feature_mean: Tensor
    pair_feature_scale: Tensor

    def __init__(self, blocks: Callable[[ModelConfig], Iterable[nn.Module]], config: ModelConfig, n_features: int = 0, forest: bool = False,
                 hypotheses: int = 0, n_pair_features: int = 0) -> None:
        super().__init__(config, n_features, forest)
        width, pair_width = config.width, config.pair_width
        if n_pair_features:
            self.register_buffer("pair_feature_mean", torch.zeros(n_pair_features))
            self.register_buffer("pair_feature_scale", torch.ones(n_pair_features))
        self.leaf_input = two_layer(self.leaf_features, 2 * width, width)
        if self.sees_four_vectors:
            self.pair_start = nn.Parameter(torch.randn(pair_width))
        inputs = n_pair_features + (0 if self.sees_four_vectors else self.masses.width + 4)
        self.pair_input = two_layer(inputs, 2 * pair_width, pair_width) if inputs else None
        self.blocks = nn.ModuleList(blocks(config))
        self.leaf_norm = nn.LayerNorm(width)
        self.pair_norm = nn.LayerNorm(pair_width)
        self.to_levels = two_layer(pair_width, 2 * pair_width, N_CLASSES)
        self.to_background = nn.Linear(width, 1) if forest else None
        self.to_hypotheses = nn.Linear(width, hypotheses + 1) if hypotheses else None
        self.clades = CladeHead(config, N_CLASSES, forest) if config.clades else None

    @property
    def smallest(self) -> int:
        """Fewest leaves of events that there is something to say about."""
        return 1 if self.forest or self.to_hypotheses is not None else 2

    def score(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None, index: PairIndex, member: Tensor | None,
              pair_features: Tensor | None = None) -> Output:
        """Return the logits of pairs and sets."""
        energy, momentum = energies(p4, self.config.frame)
        leaves = self.leaf_input(self.encode_leaves(p4, n_leaves, features, (energy, momentum)))
        pairs = self._first_pairs(p4, energy, momentum, index, pair_features)
        for block in self.blocks:
            leaves, pairs = block(leaves, pairs, index)
        pairs = self.pair_norm(pairs)
        leaves = self.leaf_norm(leaves) * index.real[..., None]
        background = None if self.to_background is None else self.to_background(leaves)[..., 0]
        hypotheses = None if self.to_hypotheses is None else self.to_hypotheses(leaves)
        if self.clades is None or member is None:
            return Output(self.to_levels(pairs), None, background, None, hypotheses)
        inside = member.index_select(-1, index.i) * member.index_select(-1, index.j)
        clades, trees = self.clades(p4, energy, leaves, pairs * index.together[..., None], member, inside)
        return Output(self.to_levels(pairs), clades, background, trees, hypotheses)

    def _first_pairs(self, p4: Tensor, energy: Tensor, momentum: Tensor, index: PairIndex, features: Tensor | None) -> Tensor:
        parts: list[Tensor] = []
        if not self.sees_four_vectors:
            masses, scalars = pair_inputs(p4, energy, momentum, index.i, index.j)
            parts = [self.masses(masses), scalars]
        if features is not None:
            of_pairs = features.flatten(1, 2).index_select(1, index.i * p4.shape[1] + index.j)
            parts.append((of_pairs - self.pair_feature_mean) / self.pair_feature_scale)
        if self.pair_input is None:
            return self.pair_start.expand(p4.shape[0], index.i.shape[0], -1)
        seen: Tensor = self.pair_input(torch.cat(parts, -1))
        return self.pair_start + seen if self.sees_four_vectors else seen


def joint(summed: Tensor, factor: Tensor, index: PairIndex) -> Tensor:
    """Return the sum plus the product of two leaves' states for every pair: both are symmetric."""
    seen = summed.index_select(1, index.i) + summed.index_select(1, index.j)
    return seen + factor.index_select(1, index.i) * factor.index_select(1, index.j)
