"""How much constituents should attend to each other by what the pair looks like."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from .....nn.row_norm import RowNorm
from .kinematics import pair_features
from .normed_layers import mapped, pieces
from .packing import Packing

FEATURES = 4
"""Of a pair."""


class PairBias(nn.Module):
    """The bias of attention between all constituents of each jet: a network on the features of pairs (arXiv:2202.03772).

    A pair and the same one turned around are alike, and computed once; moments of the normalisations are those of real pairs.

    Args:
        widths: of the layers; the last is the number of heads.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = [RowNorm(FEATURES)]
        for before, after in pairwise([FEATURES, *widths]):
            layers += [nn.Linear(before, after), RowNorm(after), nn.GELU()]
        self.embed = nn.Sequential(*layers)
        self.widest = max(widths)

    def forward(self, vectors: Tensor, packing: Packing) -> list[Tensor]:
        """Return the bias in every block, (jets, heads, n, n), -inf where there is none to attend to.

        Args:
            vectors: of the sorted constituents.
            packing: of the jets.
        """
        one, other = _pairs(packing)
        with torch.no_grad():
            features = pair_features(vectors, one, other)
        rows = torch.cat([self._made(features[part]) for part in pieces(features, self.widest, self.training)])
        return _in_blocks(rows, one, other, packing)

    def _made(self, features: Tensor) -> Tensor:
        """Return what the layers make of pairs, (M, FEATURES) to (M, heads)."""
        first, *others = self.embed
        layers, norms = others[::3], others[1::3]
        rows = layers[0](first(features))
        for norm, layer in zip(norms, layers[1:], strict=False):
            rows = mapped(rows, norm, "gelu", layer)
        return gelu(norms[-1](rows))


def _pairs(packing: Packing) -> tuple[Tensor, Tensor]:
    """Return the two constituents of each pair, the later one first, and of each with itself, (M,) each."""
    n = packing.local + 1
    one = torch.repeat_interleave(n)
    begins = n.cumsum(0) - n - packing.first[packing.jet]
    return one, torch.arange(len(one), device=one.device) - begins[one]


def _in_blocks(rows: Tensor, one: Tensor, other: Tensor, packing: Packing) -> list[Tensor]:
    """Return the rows of pairs (M, heads) in both places of each pair."""
    area = packing.widths**2
    begins, width = (area.cumsum(0) - area)[packing.jet], packing.widths[packing.jet]
    heads = rows.shape[1]
    squares = rows.new_zeros(int(area.sum()), heads)
    for a, b in ((one, other), (other, one)):
        squares = squares.index_copy(0, begins[one] + packing.local[a] * width[one] + packing.local[b], rows)
    parts = torch.split(squares, [jets * n * n for jets, n in (block.shape for block in packing.blocks)])
    return [
        part.view(jets, n, n, heads).permute(0, 3, 1, 2).masked_fill(~block.real[:, None, None, :], -torch.inf)
        for part, block in zip(parts, packing.blocks, strict=True) for jets, n in (block.shape,)
    ]
