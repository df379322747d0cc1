"""The transformer published with arXiv:2208.14924: every ordered pair queries the leaves."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from ..config.model import ModelConfig
from ..trees.validity_rules import N_CLASSES
from .inputs import Output
from .network import PairIndex
from .paper import PaperNetwork, symmetric_pairs

LEAK = 0.1
"""Slope of the leaky ReLU below zero."""


class PaperTransformer(PaperNetwork):
    """Encoder over leaves, decoder over all n**2 ordered pairs; see `PaperNetwork`.

    Self-attention of the decoder compares pairs with pairs, so time and memory grow as n**4.
    5,395,720 parameters for four-vectors and `width` 512, `heads` 32, `blocks` 1.

    Padding is masked, other than in the published code; `published_defects` takes the masks away.

    Args:
        config: `width` of all states and of the feed-forward layers, `heads`, `blocks`, `dropout`.
        n_features: extra features per leaf.
        forest: not offered; see `LcagConfig`.
    """

    def __init__(self, config: ModelConfig, n_features: int = 0, forest: bool = False) -> None:
        super().__init__(config, n_features, forest)
        width = config.width
        encoder = nn.TransformerEncoderLayer(width, config.heads, width, config.dropout, batch_first=True)
        decoder = nn.TransformerDecoderLayer(width, config.heads, width, config.dropout, batch_first=True)
        self.leaf_input = _perceptron(self.leaf_features, width, width, config.dropout)
        self.pair_input = _perceptron(2 * width, width, width, config.dropout)
        self.encoder = nn.TransformerEncoder(encoder, config.blocks, nn.LayerNorm(width), enable_nested_tensor=False)
        self.decoder = nn.TransformerDecoder(decoder, config.blocks, nn.LayerNorm(width))
        self.to_levels = _perceptron(width, width // 2, N_CLASSES, config.dropout)
        for parameter in (*self.encoder.parameters(), *self.decoder.parameters()):
            if parameter.ndim > 1:
                nn.init.xavier_uniform_(parameter)

    def score(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None, index: PairIndex, member: Tensor | None,
              pair_features: Tensor | None = None) -> Output:
        """Return the logits of pairs; sets are not scored."""
        batch, n, _ = p4.shape
        leaves = leaky_relu(self.leaf_input(self.encode_leaves(p4, n_leaves, features)), LEAK)
        rows = leaves[:, :, None].expand(-1, n, n, -1)
        ordered = torch.cat([rows, rows.transpose(1, 2)], -1).flatten(1, 2)
        queries = leaky_relu(self.pair_input(ordered), LEAK)
        padding, pair_padding = self._padding(index.real)
        memory = self.encoder(leaves, src_key_padding_mask=padding)
        pairs = self.decoder(queries, memory, tgt_key_padding_mask=pair_padding, memory_key_padding_mask=padding)
        return Output(symmetric_pairs(self.to_levels(pairs).view(batch, n, n, N_CLASSES), index))

    def _padding(self, real: Tensor) -> tuple[Tensor | None, Tensor | None]:
        if self.config.published_defects:
            return None, None
        return ~real, ~(real[:, :, None] & real[:, None, :]).flatten(1)


def _perceptron(inputs: int, hidden: int, outputs: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ELU(), nn.Dropout(dropout), nn.Linear(hidden, outputs))
