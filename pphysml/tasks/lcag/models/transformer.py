"""The transformer: leaves attend to each other under a bias of what each pair looks like."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ....nn.attention import PairBiasedAttention
from ....nn.fourier import FourierFeatures
from ....nn.multilayer import two_layer
from ..config import N_CLASSES, ModelConfig
from ..invariants import event_frame, mass, minkowski, pair_indices
from .clades import CladeHead


class Output(NamedTuple):
    """Logits of the network.

    Attributes:
        pairs: (B, n(n-1)/2, C), pair (i, j) with i < j in the order of `pair_indices`.
        clades: (B, 2**n, C), or None if sets of leaves are not scored.
    """

    pairs: Tensor
    clades: Tensor | None


class LcagTransformer(nn.Module):
    """Four-momenta to the level of every pair's lowest common ancestor.

    Inputs are Lorentz invariants (leaf masses, energies in the event's rest frame, pair masses and
    angles), so rotating or boosting an event changes nothing; permuting its leaves permutes the
    output; padding has no influence. One state per unordered pair is kept and updated beside the
    leaves' states, which makes the output symmetric and halves the work.

    Args:
        config: widths and number of blocks.
        n_features: extra features per leaf.

    Shapes: p4 float64 (B, n, 4), zero rows are padding; n_leaves int64 (B,); features
    (B, n, n_features); returns `Output`.
    """

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: ModelConfig, n_features: int = 0) -> None:
        super().__init__()
        width, pair_width = config.width, config.pair_width
        self.config = config
        self.register_buffer("feature_mean", torch.zeros(n_features))
        self.register_buffer("feature_scale", torch.ones(n_features))
        self.masses = FourierFeatures(config.finest_scale, config.scales)
        self.leaf_input = two_layer(self.masses.width + 5 + n_features, 2 * width, width)
        self.pair_input = two_layer(self.masses.width + 4, 2 * pair_width, pair_width)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.leaf_norm = nn.LayerNorm(width)
        self.pair_norm = nn.LayerNorm(pair_width)
        self.to_levels = two_layer(pair_width, 2 * pair_width, N_CLASSES)
        self.clades = None
        if config.clades:
            self.clades = CladeHead(
                width, pair_width, config.clade_width, N_CLASSES, config.finest_scale, config.scales
            )

    def forward(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None = None) -> Output:
        """Return the logits of pairs and sets."""
        n = p4.shape[1]
        i, j, table = (t.to(p4.device) for t in pair_indices(n))
        # An empty event keeps one (zero) leaf, so that its softmax has something to look at.
        real = torch.arange(n, device=p4.device) < n_leaves.clamp_min(1)[:, None]
        energy, momentum = event_frame(p4)
        leaves = self.leaf_input(self._leaf_features(p4, energy, momentum, n_leaves, features))
        pairs = self.pair_input(self._pair_features(p4, energy, momentum, i, j))
        padding = torch.zeros_like(real, dtype=pairs.dtype).masked_fill(~real, -torch.inf)
        for block in self.blocks:
            leaves, pairs = block(leaves, pairs, padding[:, None, None, :], i, j, table)
        pairs = self.pair_norm(pairs)
        clades = None
        if self.clades is not None and n <= self.config.clade_max_leaves:
            leaves = self.leaf_norm(leaves) * real[..., None]
            kept = pairs * (real[:, i] & real[:, j])[..., None]
            clades = self.clades(p4, energy, leaves, kept)
        return Output(self.to_levels(pairs), clades)

    def _leaf_features(self, p4: Tensor, energy: Tensor, momentum: Tensor, n_leaves: Tensor, features: Tensor | None) -> Tensor:
        masses = mass(p4)
        count = n_leaves[:, None].expand_as(energy) / 10.0
        total = energy.sum(-1, keepdim=True).expand_as(energy)
        scalars = torch.stack(
            [log(energy), log(momentum), log(masses), count, log(total)], -1
        ).float()
        parts = [self.masses(masses), scalars]
        if features is not None:
            parts.append((features - self.feature_mean) / self.feature_scale)
        return torch.cat(parts, -1)

    def _pair_features(self, p4: Tensor, energy: Tensor, momentum: Tensor, i: Tensor, j: Tensor) -> Tensor:
        a, b = p4[:, i], p4[:, j]
        masses = mass(a + b)
        excess = (masses - mass(a) - mass(b)).clamp_min(0)
        product = momentum[:, i] * momentum[:, j]
        cosine = (energy[:, i] * energy[:, j] - minkowski(a, b)) / product.clamp_min(1e-12)
        softer = torch.minimum(energy[:, i], energy[:, j])
        scalars = torch.stack(
            [log(masses), log(excess), cosine.clamp(-1, 1), log(softer)], -1
        ).float()
        return torch.cat([self.masses(masses), scalars], -1)


class Block(nn.Module):
    """One round: leaves attend under the pairs' bias, then pairs look at their two leaves."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, pair_width = config.width, config.pair_width
        self.pair_norm = nn.LayerNorm(pair_width)
        self.bias = nn.Linear(pair_width, config.heads)
        self.attention_norm = nn.LayerNorm(width)
        self.attention = PairBiasedAttention(width, config.heads)
        self.leaf_norm = nn.LayerNorm(width)
        self.leaf_update = two_layer(width, 2 * width, width, config.dropout)
        self.pair_sum = nn.Linear(width, pair_width)
        self.pair_product = nn.Linear(width, pair_width)
        self.pair_update = two_layer(2 * pair_width, 2 * pair_width, pair_width, config.dropout)

    def forward(self, leaves: Tensor, pairs: Tensor, padding: Tensor, i: Tensor, j: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return the updated leaves and pairs."""
        normed = self.pair_norm(pairs)
        own = normed.new_zeros(normed.shape[0], 1, self.attention.heads)
        bias = torch.cat([self.bias(normed), own], 1)[:, table.flatten()]
        bias = bias.view(len(bias), *table.shape, -1).permute(0, 3, 1, 2) + padding
        leaves = leaves + self.attention(self.attention_norm(leaves), bias)
        leaves = leaves + self.leaf_update(self.leaf_norm(leaves))
        summed, factor = self.pair_sum(leaves), self.pair_product(leaves)
        joint = summed[:, i] + summed[:, j] + factor[:, i] * factor[:, j]
        pairs = pairs + self.pair_update(torch.cat([normed, joint], -1))
        return leaves, pairs


def log(value: Tensor) -> Tensor:
    """Return the logarithm of a non-negative quantity, bounded below at 1e-3 GeV."""
    return value.clamp_min(1e-3).log()
