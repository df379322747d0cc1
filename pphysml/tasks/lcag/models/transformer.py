"""The transformer: leaves attend to each other under a bias of what each pair looks like."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ....nn.attention import PairBiasedAttention
from ....nn.mlp import two_layer
from ..config.model import ModelConfig
from .network import PairIndex
from .pair_network import PairNetwork, joint


class LcagTransformer(PairNetwork):
    """Leaves attend under the pairs' bias, pairs look at their two leaves; see `PairNetwork`.

    Args:
        config: widths and number of blocks.
        n_features: extra features per leaf.
        forest: whether events may hold several trees, and leaves of none.
    """

    def __init__(self, config: ModelConfig, n_features: int = 0, forest: bool = False, hypotheses: int = 0,
                 n_pair_features: int = 0) -> None:
        super().__init__(lambda c: (Block(c) for _ in range(c.blocks)), config, n_features, forest, hypotheses, n_pair_features)


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

    def forward(self, leaves: Tensor, pairs: Tensor, index: PairIndex) -> tuple[Tensor, Tensor]:
        """Return the updated leaves and pairs."""
        normed = self.pair_norm(pairs)
        leaves = leaves + self.attention(self.attention_norm(leaves), self._bias(normed, index))
        leaves = leaves + self.leaf_update(self.leaf_norm(leaves))
        seen = joint(self.pair_sum(leaves), self.pair_product(leaves), index)
        pairs = pairs + self.pair_update(torch.cat([normed, seen], -1))
        return leaves, pairs

    def _bias(self, pairs: Tensor, index: PairIndex) -> Tensor:
        own = pairs.new_zeros(pairs.shape[0], 1, self.attention.heads)
        bias = torch.cat([self.bias(pairs), own], 1).index_select(1, index.table.flatten())
        padding = torch.zeros_like(index.real, dtype=bias.dtype).masked_fill(~index.real, -torch.inf)
        bias = bias.view(bias.shape[0], *index.table.shape, -1).permute(0, 3, 1, 2)
        return bias + padding[:, None, None, :]
