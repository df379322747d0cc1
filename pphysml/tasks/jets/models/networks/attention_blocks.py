"""Blocks of the Particle Transformer: constituents attend to each other, then a token of each jet to its constituents."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from .block_attention import attended
from .dropout import Dropout
from .packing import Packing


@dataclass(frozen=True)
class BlockSizes:
    """Sizes of a block.

    Attributes:
        width: of states; a multiple of `heads`.
        heads: of the attention.
        widening: hidden layer's width by `width`.
        dropout: share of attention, hidden values and outputs that are left out while training.
    """

    width: int = 128
    heads: int = 8
    widening: int = 4
    dropout: float = 0.1


class Attention(nn.Module):
    """The two linear layers of attention."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj = nn.Linear(width, 3 * width)
        self.out_proj = nn.Linear(width, width)


class AttentionBlock(nn.Module):
    """What both kinds of blocks share: the layers, with the normalisations of NormFormer (arXiv:2110.09456).

    Args:
        sizes: of the block.
    """

    def __init__(self, sizes: BlockSizes) -> None:
        super().__init__()
        width, hidden = sizes.width, sizes.width * sizes.widening
        self.sizes = sizes
        self.pre_attn_norm = nn.LayerNorm(width)
        self.attn = Attention(width)
        self.post_attn_norm = nn.LayerNorm(width)
        self.pre_fc_norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.post_fc_norm = nn.LayerNorm(hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.c_attn = nn.Parameter(torch.ones(sizes.heads))
        self.w_resid = nn.Parameter(torch.ones(width))
        self.dropout = Dropout(sizes.dropout)

    def finish(self, states: Tensor, mixed: Tensor) -> Tensor:
        """Return the new states from what attention made of them, (rows, width) each."""
        scale = self.c_attn.repeat_interleave(self.sizes.width // self.sizes.heads)
        out = linear(mixed, self.attn.out_proj.weight * scale[:, None], self.attn.out_proj.bias * scale)
        states = states + self.dropout(self.post_attn_norm(out))
        hidden = self.post_fc_norm(self.dropout(gelu(self.fc1(self.pre_fc_norm(states)))))
        return torch.addcmul(self.dropout(self.fc2(hidden)), self.w_resid, states)


class ParticleBlock(AttentionBlock):
    """Constituents of a jet attend to each other, under a bias of each pair (arXiv:2202.03772, figure 3b)."""

    def forward(self, states: Tensor, bias: list[Tensor], packing: Packing) -> Tensor:
        """Return the new states, (P, width)."""
        padded = packing.padded(self.attn.in_proj(self.pre_attn_norm(states)))
        mixed = attended(padded, bias, packing.blocks, self.sizes.dropout if self.training else 0.0)
        return self.finish(states, packing.packed(mixed))


class ClassBlock(AttentionBlock):
    """The token of a jet attends to itself and to the constituents (arXiv:2202.03772, figure 3c; arXiv:2103.17239).

    With one query, keys and values need not be made for every constituent: q.(K u) = (K^T q).u, and the mean of V u is V times that of u.
    A bias of all keys changes nothing.
    """

    def forward(self, tokens: Tensor, states: Tensor, packing: Packing) -> Tensor:
        """Return the new tokens of the sorted jets, (B, width)."""
        width, heads = self.sizes.width, self.sizes.heads
        normed = self.pre_attn_norm(tokens)
        padded = packing.padded(self.pre_attn_norm(states))
        to_query, to_key, to_value = self.attn.in_proj.weight.view(3, heads, width // heads, width).unbind(0)
        query_bias, _, value_bias = self.attn.in_proj.bias.view(3, width).unbind(0)
        query = linear(tokens, to_query.flatten(0, 1), query_bias).view(-1, heads, width // heads) / math.sqrt(width // heads)
        seeking = torch.einsum("bhd,hdw->bhw", query, to_key)
        own = (seeking @ normed[:, :, None])
        means = []
        for block in packing.blocks:
            seen = torch.unflatten(padded[block.slots], 0, block.shape)
            scores = (seeking[block.jets] @ seen.transpose(1, 2)).masked_fill(~block.real[:, None, :], -torch.inf)
            weight = torch.cat([own[block.jets], scores], -1).softmax(-1)
            means.append(weight[:, :, 1:] @ seen + weight[:, :, :1] * normed[block.jets, None])
        mixed = torch.einsum("bhw,hdw->bhd", torch.cat(means), to_value).flatten(1) + value_bias
        return self.finish(tokens, mixed)
