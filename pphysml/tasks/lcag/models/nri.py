"""Neural relational inference on unordered pairs: pairs look at leaves, leaves at their pairs."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ....nn.mlp import two_layer
from ..config.model import ModelConfig
from .network import PairIndex
from .pair_network import PairNetwork, joint


class LcagNri(PairNetwork):
    r"""Graph network that alternates :math:`v \to e` and :math:`e \to v`; see `PairNetwork`.

    Reference: T. Kipf et al., "Neural relational inference for interacting systems",
    arXiv:1802.04687, equations 5-8; used for this task in arXiv:2208.14924. Different here: one
    symmetric edge per unordered pair, residual updates, layer instead of batch normalisation.

    Args:
        config: widths and number of blocks; `heads` is not used.
        n_features: extra features per leaf.
        forest: whether events may hold several trees, and leaves of none.
    """

    def __init__(self, config: ModelConfig, n_features: int = 0, forest: bool = False, hypotheses: int = 0,
                 n_pair_features: int = 0) -> None:
        super().__init__(_rounds, config, n_features, forest, hypotheses, n_pair_features)


def _rounds(config: ModelConfig) -> Iterator[nn.Module]:
    for _ in range(config.blocks):
        yield PairUpdate(config)
        yield LeafUpdate(config)
    yield PairUpdate(config)


class PairUpdate(nn.Module):
    """Leaves to pairs: every pair looks at the sum and the product of its two leaves."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, pair_width = config.width, config.pair_width
        self.leaf_norm = nn.LayerNorm(width)
        self.pair_norm = nn.LayerNorm(pair_width)
        self.pair_sum = nn.Linear(width, pair_width)
        self.pair_product = nn.Linear(width, pair_width)
        self.update = two_layer(2 * pair_width, 2 * pair_width, pair_width, config.dropout)

    def forward(self, leaves: Tensor, pairs: Tensor, index: PairIndex) -> tuple[Tensor, Tensor]:
        """Return the leaves as they are and the updated pairs."""
        normed = self.leaf_norm(leaves)
        seen = joint(self.pair_sum(normed), self.pair_product(normed), index)
        return leaves, pairs + self.update(torch.cat([self.pair_norm(pairs), seen], -1))


class LeafUpdate(nn.Module):
    """Pairs to leaves: every leaf looks at the mean message of its pairs with real leaves."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width, pair_width = config.width, config.pair_width
        self.leaf_norm = nn.LayerNorm(width)
        self.pair_norm = nn.LayerNorm(pair_width)
        self.message = two_layer(pair_width, 2 * pair_width, pair_width, config.dropout)
        self.update = two_layer(width + pair_width, 2 * width, width, config.dropout)

    def forward(self, leaves: Tensor, pairs: Tensor, index: PairIndex) -> tuple[Tensor, Tensor]:
        """Return the updated leaves and the pairs as they are."""
        mean = leaf_mean(self.message(self.pair_norm(pairs)), index)
        return leaves + self.update(torch.cat([self.leaf_norm(leaves), mean], -1)), pairs


def leaf_mean(messages: Tensor, index: PairIndex) -> Tensor:
    """Return the mean over each leaf's pairs with real leaves, (B, n, C) from (B, P, C)."""
    leaf = torch.arange(index.table.shape[0], device=messages.device)[:, None]
    joins = (leaf == index.i) | (leaf == index.j)
    total = joins.to(messages.dtype) @ (messages * index.together[..., None])
    others = (index.real.sum(1) - 1).clamp_min(1)
    return total / others[:, None, None]
