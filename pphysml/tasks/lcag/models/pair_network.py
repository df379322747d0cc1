"""The frame of our networks: one state per leaf and per unordered pair, blocks, output heads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ....nn.multilayer import two_layer
from ..config import N_CLASSES, ModelConfig
from ..invariants import pair_indices
from .clades import CladeHead
from .inputs import Output, energies, pair_inputs
from .network import LcagNetwork, real_leaves


class PairIndex(NamedTuple):
    """Which leaves each pair joins, and what is padding.

    Attributes:
        i, j: the two leaves of each pair, (P,), i < j.
        table: number of the pair (i, j), (n, n), with P on the diagonal.
        real: bool (B, n), leaves that are not padding.
        together: bool (B, P), pairs of two such leaves.
    """

    i: Tensor
    j: Tensor
    table: Tensor
    real: Tensor
    together: Tensor

    @classmethod
    def of(cls, n_leaves: Tensor, n: int) -> PairIndex:
        """Return the pairs of events of up to n leaves."""
        i, j, table = (t.to(n_leaves.device) for t in pair_indices(n))
        real = real_leaves(n_leaves, n)
        return cls(i, j, table, real, real[:, i] & real[:, j])


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
    """

    def __init__(self, blocks: Callable[[ModelConfig], Iterable[nn.Module]], config: ModelConfig, n_features: int = 0, forest: bool = False) -> None:
        super().__init__(config, n_features, forest)
        width, pair_width = config.width, config.pair_width
        self.leaf_input = two_layer(self.leaf_features, 2 * width, width)
        if self.sees_four_vectors:
            self.pair_start = nn.Parameter(torch.randn(pair_width))
        else:
            self.pair_input = two_layer(self.masses.width + 4, 2 * pair_width, pair_width)
        self.blocks = nn.ModuleList(blocks(config))
        self.leaf_norm = nn.LayerNorm(width)
        self.pair_norm = nn.LayerNorm(pair_width)
        self.to_levels = two_layer(pair_width, 2 * pair_width, N_CLASSES)
        self.to_background = nn.Linear(width, 1) if forest else None
        self.clades = CladeHead(config, N_CLASSES, forest) if config.clades else None

    def forward(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None = None, sets: Tensor | None = None) -> Output:
        """Return the logits of pairs and sets: of the given ones, (B, K), else of all."""
        n = p4.shape[1]
        index = PairIndex.of(n_leaves, n)
        energy, momentum = energies(p4, self.config.frame)
        leaves = self.leaf_input(self.encode_leaves(p4, n_leaves, features, (energy, momentum)))
        pairs = self._first_pairs(p4, energy, momentum, index)
        for block in self.blocks:
            leaves, pairs = block(leaves, pairs, index)
        pairs = self.pair_norm(pairs)
        leaves = self.leaf_norm(leaves) * index.real[..., None]
        background = None if self.to_background is None else self.to_background(leaves)[..., 0]
        if self.clades is None or (sets is None and n > self.config.clade_max_leaves):
            return Output(self.to_levels(pairs), None, background)
        clades, trees = self.clades(p4, energy, leaves, pairs * index.together[..., None], sets)
        return Output(self.to_levels(pairs), clades, background, trees)

    def _first_pairs(self, p4: Tensor, energy: Tensor, momentum: Tensor, index: PairIndex) -> Tensor:
        if self.sees_four_vectors:
            return self.pair_start.expand(len(p4), len(index.i), -1)
        masses, scalars = pair_inputs(p4, energy, momentum, index.i, index.j)
        first: Tensor = self.pair_input(torch.cat([self.masses(masses), scalars], -1))
        return first


def joint(summed: Tensor, factor: Tensor, index: PairIndex) -> Tensor:
    """Return the sum plus the product of two leaves' states for every pair: both are symmetric."""
    return summed[:, index.i] + summed[:, index.j] + factor[:, index.i] * factor[:, index.j]
