"""The graph network published with arXiv:2208.14924: neural relational inference on ordered pairs."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from ..config import N_CLASSES, ModelConfig
from .inputs import Output
from .network import real_leaves
from .paper import PaperNetwork, symmetric_pairs


class Edges(NamedTuple):
    """Ordered pairs of the leaves that are kept, as rows.

    Attributes:
        leaves: bool (B, n), leaves kept; L of them.
        pairs: bool (B, n, n), pairs kept; E of them.
        receiver, sender: rows of the two leaves, (E,).
        real: 1 for two different leaves of the event, 0 for padding and self-pairs, (E, 1).
        degree: real edges of each leaf, at least 1, (L, 1).
    """

    leaves: Tensor
    pairs: Tensor
    receiver: Tensor
    sender: Tensor
    real: Tensor
    degree: Tensor

    @classmethod
    def of(cls, n_leaves: Tensor, n: int, everything: bool) -> Edges:
        """Return the real edges, or `everything` in the padded square."""
        real = real_leaves(n_leaves, n)
        edges = real[:, :, None] & real[:, None, :] & ~torch.eye(n, dtype=torch.bool, device=real.device)
        leaves, pairs = (torch.ones_like(t) if everything else t for t in (real, edges))
        row = leaves.flatten().cumsum(0).view_as(leaves) - 1
        event, i, j = pairs.nonzero().unbind(1)
        return cls(leaves, pairs, row[event, i], row[event, j],
                   edges[pairs][:, None].float(), edges.sum(-1)[leaves][:, None].clamp_min(1))

    def from_leaves(self, leaves: Tensor) -> Tensor:
        """Return both leaves' states of every edge, (E, 2d), zero where the edge is not real."""
        return torch.cat([leaves[self.sender], leaves[self.receiver]], -1) * self.real

    def to_leaves(self, edges: Tensor) -> Tensor:
        """Return the mean of each leaf's real edges, (L, d)."""
        total = edges.new_zeros(len(self.degree), edges.shape[-1])
        return total.index_add(0, self.receiver, edges * self.real.to(edges.dtype)) / self.degree


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

    def forward(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None = None, sets: Tensor | None = None) -> Output:
        """Return the logits of pairs, zero for padding; sets are not scored."""
        index = Edges.of(n_leaves, p4.shape[1], self.config.published_defects)
        leaves = self.leaf_input(self.encode_leaves(p4, n_leaves, features)[index.leaves])
        first = edges = self.edge_input(index.from_leaves(leaves))
        for block in self.blocks:
            edges = block(edges, index)
        logits = self.to_levels(self.final(torch.cat([edges, first], -1)))
        square = logits.new_zeros(*index.pairs.shape, N_CLASSES)
        return Output(symmetric_pairs(square.masked_scatter(index.pairs[..., None], logits)))


class Block(nn.Module):
    """One round: edges to leaves and back, and past it."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.edge = Residual(width, dropout)
        self.leaf = Residual(width, dropout)
        self.merge = Perceptron(3 * width, width, dropout)

    def forward(self, edges: Tensor, index: Edges) -> Tensor:
        """Return the updated edges."""
        leaves = self.leaf(index.to_leaves(self.edge(edges)))
        merged: Tensor = self.merge(torch.cat([index.from_leaves(leaves), edges], -1))
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


class RowNorm(nn.Module):
    """Batch normalisation of rows (S. Ioffe, C. Szegedy, arXiv:1502.03167).

    Unlike torch's it counts no batches (an integer has no moving average, which the training takes
    of all buffers), and a batch without two rows, which has no variance, takes the running one.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the normalised rows."""
        from_batch = self.training and len(rows) > 1
        return batch_norm(rows, self.running_mean, self.running_var, self.weight, self.bias, from_batch)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.xavier_normal_(layer.weight)
    nn.init.constant_(layer.bias, 0.1)
    return layer
