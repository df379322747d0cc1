"""The graph network published with arXiv:2208.14924: neural relational inference on ordered pairs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ....nn.message_passing import MessagePassing
from ....nn.row_norm import RowNorm
from ..config.model import ModelConfig
from ..trees.validity_rules import N_CLASSES
from .inputs import Output
from .network import PairIndex
from .paper import PaperNetwork, symmetric_pairs


class Edges(NamedTuple):
    """Ordered pairs of the leaves that are kept, as rows.

    Attributes:
        leaves: bool (B, n), leaves kept; L of them.
        pairs: bool (B, n, n), pairs kept; E of them.
        ends: rows of the sending and of the receiving leaf, (2, E).
        real: 1 for two different leaves of the event, 0 for padding and self-pairs, (E, 1).
        degree: real edges of each leaf, at least 1, (L, 1).
    """

    leaves: Tensor
    pairs: Tensor
    ends: Tensor
    real: Tensor
    degree: Tensor

    @classmethod
    def of(cls, real: Tensor, everything: bool) -> Edges:
        """Return the edges between real leaves, bool (B, n), or `everything` in the padded square."""
        edges = different_leaves(real)
        leaves, pairs = (torch.ones_like(t) if everything else t for t in (real, edges))
        row = leaves.flatten().cumsum(0).view_as(leaves) - 1
        event, i, j = pairs.nonzero().unbind(1)
        return cls(leaves, pairs, torch.stack([row[event, j], row[event, i]]),
                   edges[pairs][:, None].float(), edges.sum(-1)[leaves][:, None].clamp_min(1))

    def rows(self, leaves: Tensor) -> Tensor:
        """Return the leaves that are kept, (L, d) from (B, n, d)."""
        return leaves[self.leaves]

    def square(self, edges: Tensor) -> Tensor:
        """Return the edges in their places, (B, n, n, d) from (E, d), zero where there is none."""
        return edges.new_zeros(*self.pairs.shape, edges.shape[-1]).masked_scatter(self.pairs[..., None], edges)

    def both_leaves(self, leaves: Tensor) -> Tensor:
        """Return both leaves' states of every edge, (E, 2d), zero where the edge is not real."""
        return torch.cat([leaves[row] for row in self.ends], -1) * self.real


class Square(NamedTuple):
    """All ordered pairs of the padded square as rows, for a network that is not trained.

    Without batch statistics rows do not see each other, so that those of padding may stay; this
    takes dense operations only.

    Attributes:
        pairs: 1 for two different leaves of the event, 0 for padding and self-pairs, (B, n, n, 1).
    """

    pairs: Tensor

    @classmethod
    def of(cls, real: Tensor) -> Square:
        """Return the square over leaves of which some are real, bool (B, n)."""
        return cls(different_leaves(real)[..., None].float())

    def rows(self, leaves: Tensor) -> Tensor:
        """Return all leaves, (B n, d) from (B, n, d)."""
        return leaves.flatten(0, 1)

    def square(self, edges: Tensor) -> Tensor:
        """Return the edges in their places, (B, n, n, d), zero where they are not real."""
        batch, n = self.pairs.shape[:2]
        return edges.view(batch, n, n, edges.shape[-1]) * self.pairs

    def both_leaves(self, leaves: Tensor) -> Tensor:
        """Return both leaves' states of every edge, (B n n, 2d), zero where the edge is not real."""
        batch, n = self.pairs.shape[:2]
        receiver = leaves.view(batch, n, 1, leaves.shape[-1]).expand(-1, n, n, -1)
        return (torch.cat([receiver.transpose(1, 2), receiver], -1) * self.pairs).flatten(0, 2)

    def mean_edges(self, edges: Tensor) -> Tensor:
        """Return the mean of each leaf's real edges, (B n, d)."""
        return (self.square(edges).sum(2) / self.pairs.sum(2).clamp_min(1)).flatten(0, 1)


class PaperNri(PaperNetwork):
    """Neural relational inference (T. Kipf et al., arXiv:1802.04687) as published; see `PaperNetwork`.

    981,512 parameters for four-vectors and `width` 128, `blocks` 3. The published loss is the focal
    one with gamma 2.5.

    Batch statistics are taken over real leaves and pairs of different leaves; `published_defects`
    takes them over padding and self-pairs (zeros) too. Either way an event's output in training
    depends on its batch, and on several processes each has its own statistics: such a training does
    not equal that of one process.

    Args:
        config: `width` of all layers, `blocks`, `dropout`.
        n_features: extra features per leaf.
        forest: not offered; see `LcagConfig`.
    """

    def __init__(self, config: ModelConfig, n_features: int = 0, forest: bool = False) -> None:
        super().__init__(config, n_features, forest)
        width, dropout = config.width, config.dropout
        self.leaf_input = nn.Sequential(Perceptron(self.leaf_features, width, dropout), Perceptron(width, width, dropout))
        self.edge_input = Perceptron(2 * width, width, dropout)
        self.blocks = nn.ModuleList(Block(width, dropout) for _ in range(config.blocks))
        self.final = nn.Sequential(Perceptron(2 * width, width, dropout), Perceptron(width, width, dropout))
        self.to_levels = _linear(width, N_CLASSES)

    def score(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None, index: PairIndex, member: Tensor | None,
              pair_features: Tensor | None = None) -> Output:
        """Return the logits of pairs, zero for padding; sets are not scored."""
        places = Edges.of(index.real, self.config.published_defects) if self.training else Square.of(index.real)
        leaves = self.leaf_input(places.rows(self.encode_leaves(p4, n_leaves, features)))
        first = edges = self.edge_input(places.both_leaves(leaves))
        for block in self.blocks:
            edges = block(edges, places)
        logits = self.to_levels(self.final(torch.cat([edges, first], -1)))
        return Output(symmetric_pairs(places.square(logits), index))


class Block(MessagePassing):
    r"""One round of messages: edges to leaves and back, and past it.

    .. math:: v_i = L\Big[\frac{1}{d_i} \sum_j E[e_{ij}]\Big], \quad e'_{ij} = M[v_j, v_i, e_{ij}]

    for the ordered pairs of two different leaves, of which leaf i has d_i; of other pairs, and of padding,
    the states are taken as zero.
    """

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__(aggr="sum")
        self.edge = Residual(width, dropout)
        self.leaf = Residual(width, dropout)
        self.merge = Perceptron(3 * width, width, dropout)

    def forward(self, edges: Tensor, places: Edges | Square) -> Tensor:
        """Return the updated edges."""
        if isinstance(places, Square):
            return self.on_square(edges, places)
        n, real = len(places.degree), places.real
        leaves = self.propagate(places.ends, size=(n, n), edges=self.edge(edges), real=real, degree=places.degree)
        merged: Tensor = self.edge_updater(places.ends, x=leaves, edges=edges, real=real)
        return merged

    def message(self, edges: Tensor, real: Tensor) -> Tensor:
        """Return what every edge sends to its receiving leaf, (E, d)."""
        return edges * real.to(edges.dtype)

    def update(self, inputs: Tensor, degree: Tensor) -> Tensor:
        """Return the leaves from the sums of their edges, (L, d)."""
        leaves: Tensor = self.leaf(inputs / degree)
        return leaves

    def edge_update(self, x_i: Tensor, x_j: Tensor, edges: Tensor, real: Tensor) -> Tensor:
        """Return every edge from its two leaves and itself, (E, d)."""
        merged: Tensor = self.merge(torch.cat([torch.cat([x_j, x_i], -1) * real, edges], -1))
        return merged

    def on_square(self, edges: Tensor, square: Square) -> Tensor:
        """Return the same by dense operations, for all pairs of the padded square."""
        leaves = self.leaf(square.mean_edges(self.edge(edges)))
        merged: Tensor = self.merge(torch.cat([square.both_leaves(leaves), edges], -1))
        return merged


class Residual(nn.Module):
    """One perceptron, and two more whose output is added to its."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.first = Perceptron(width, width, dropout)
        self.more = nn.Sequential(Perceptron(width, width, dropout), Perceptron(width, width, dropout))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the transformed rows."""
        rows = self.first(rows)
        more: Tensor = self.more(rows)
        return rows + more


class Perceptron(nn.Sequential):
    """Two linear layers with ELU, then batch normalisation; acts on rows (N, d)."""

    def __init__(self, inputs: int, width: int, dropout: float) -> None:
        super().__init__(_linear(inputs, width), nn.ELU(), nn.Dropout(dropout),
                         _linear(width, width), nn.ELU(), RowNorm(width))


def different_leaves(real: Tensor) -> Tensor:
    """Return which ordered pairs join two different leaves, bool (B, n, n) from (B, n)."""
    own = torch.eye(real.shape[1], dtype=torch.bool, device=real.device)
    return real[:, :, None] & real[:, None, :] & ~own


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_normal_(layer.weight)
    nn.init.constant_(layer.bias, 0.1)
    return layer
