"""The Particle Transformer: attention between constituents under a bias of what each pair looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from .....nn.row_norm import RowNorm
from .attention_blocks import BlockSizes, ClassBlock, ParticleBlock
from .head import Head
from .packing import Packing
from .pair_bias import PairBias

PUBLISHED = BlockSizes()
"""Of the blocks of arXiv:2202.03772."""


class Embedding(nn.Module):
    """Layers on each constituent, each with a normalisation in front.

    Args:
        widths: of the input and of the layers.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.input_bn = RowNorm(widths[0])
        self.embed = nn.Sequential(*(part for before, after in pairwise(widths) for part in (nn.LayerNorm(before), nn.Linear(before, after), nn.GELU())))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the states, (P, widths[0]) to (P, widths[-1])."""
        states: Tensor = self.embed(self.input_bn(rows))
        return states


class ParticleTransformer(nn.Module):
    """Particle Transformer (H. Qu, C. Li, S. Qian, arXiv:2202.03772); see `networks`.

    2,143,486 parameters for 17 features and 10 classes. Linear layers see constituents only, no padding; attention is within
    blocks of jets of similar length. Batch normalisations take their moments from the batch, so that a training by several
    processes is not the same as one by one.

    Args:
        features: inputs of each constituent.
        classes: outputs.
        jet_inputs: inputs of each jet, which are added to the token that attends to constituents.
        embedding: widths of the layers in front of the blocks, but the last, which is that of the blocks.
        pairs: widths of the layers on pairs, but the last, which has a number for each head.
        sizes: of the blocks; those of tokens have no dropout.
        blocks: number of blocks in which constituents attend to each other.
        class_blocks: number of blocks in which tokens attend to constituents.
    """

    def __init__(self, features: int, classes: int, jet_inputs: int = 0, embedding: Sequence[int] = (128, 512), pairs: Sequence[int] = (64, 64, 64),
                 sizes: BlockSizes = PUBLISHED, blocks: int = 8, class_blocks: int = 2) -> None:
        super().__init__()
        self.embed = Embedding([features, *embedding, sizes.width])
        self.pair_embed = PairBias([*pairs, sizes.heads])
        self.blocks = nn.ModuleList([ParticleBlock(sizes) for _ in range(blocks)])
        self.cls_blocks = nn.ModuleList([ClassBlock(replace(sizes, dropout=0.0)) for _ in range(class_blocks)])
        self.cls_token = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, sizes.width), std=0.02))
        self.of_jets = nn.Linear(jet_inputs, sizes.width, bias=False) if jet_inputs else None
        self.norm = nn.LayerNorm(sizes.width)
        self.fc = Head([sizes.width], classes)

    def forward(self, particles: Tensor, vectors: Tensor, offsets: Tensor, jets: Tensor | None = None) -> Tensor:
        """Return the logits."""
        packing = Packing.of(offsets)
        states = self.embed(particles[packing.rows])
        bias = self.pair_embed(vectors[packing.rows], packing)
        for block in self.blocks:
            states = block(states, bias, packing)
        tokens = self.cls_token[0].expand(len(packing.jets), -1)
        if self.of_jets is not None:
            assert jets is not None
            tokens = tokens + self.of_jets(jets[packing.jets])
        for block in self.cls_blocks:
            tokens = block(tokens, states, packing)
        return packing.unsorted(self.fc(self.norm(tokens)))
