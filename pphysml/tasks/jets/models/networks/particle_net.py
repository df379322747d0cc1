"""ParticleNet: convolutions over the nearest neighbours of each constituent."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, pad

from .....nn.row_norm import RowNorm
from .head import Head
from .kinematics import points
from .neighbours import nearest
from .normed_layers import averaged, mapped, pieces
from .packing import Packing


class EdgeConvolution(nn.Module):
    r"""The mean over neighbours of what a network makes of each (Y. Wang et al., arXiv:1801.07829).

    :math:`x'_i = \mathrm{ReLU}(S x_i + \frac{1}{k}\sum_j h(x_i, x_j - x_i))`. Its first layer is linear in both, so that it need be
    applied to constituents only, not to edges: :math:`W_a x_i + W_b (x_j - x_i) = (W_a - W_b) x_i + W_b x_j`.
    A neighbour that is missing is one whose values are 0, as in the published code.

    Args:
        before: width of what comes in.
        widths: of the layers of h.
    """

    def __init__(self, before: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Linear(a, b, bias=False) for a, b in pairwise([2 * before, *widths])])
        self.bns = nn.ModuleList([RowNorm(width) for width in widths])
        self.sc = nn.Linear(before, widths[-1], bias=False)
        self.sc_bn = RowNorm(widths[-1])

    def forward(self, rows: Tensor, neighbours: Tensor) -> Tensor:
        """Return the new values, (P, widths[-1]).

        Args:
            rows: (P, before).
            neighbours: of each, (P, k), P where there is none.
        """
        first, *others = self.convs
        assert isinstance(first, nn.Linear)
        own, of_neighbour = first.weight.chunk(2, 1)
        centre, other = linear(rows, own - of_neighbour), pad(linear(rows, of_neighbour), (0, 0, 0, 1))
        numbers = neighbours.shape[1] * other.shape[1]
        means = [self._mean(centre[part], other, neighbours[part], others) for part in pieces(rows, numbers, self.training)]
        return torch.relu(torch.cat(means) + self.sc_bn(self.sc(rows)))

    def _mean(self, centre: Tensor, other: Tensor, neighbours: Tensor, layers: list[nn.Module]) -> Tensor:
        """Return the mean over neighbours behind all layers, from what the first one makes of constituents and of neighbours."""
        edges = other[neighbours]
        edges += centre[:, None]
        edges, norms = edges.flatten(0, 1), list(self.bns)
        for norm, layer in zip(norms, layers, strict=False):
            edges = mapped(edges, norm, "relu", layer)
        return averaged(edges, norms[-1], "relu", neighbours.shape[1])


class ParticleNet(nn.Module):
    """ParticleNet (H. Qu, L. Gouskos, arXiv:1902.08570); see `networks`.

    370,156 parameters for 17 features and 10 classes. Neighbours are those in pseudorapidity and azimuth at first, and in the values
    of the layer before from then on. Batch normalisations take their moments from the batch, so that a training by several
    processes is not the same as one by one.

    Args:
        features: inputs of each constituent.
        classes: outputs.
        jet_inputs: inputs of each jet, of the first layer behind the mean over constituents.
        widths: of the layers of each convolution.
        neighbours: of each constituent.
        hidden: width of the layer behind the mean.
        dropout: behind that.
    """

    def __init__(self, features: int, classes: int, jet_inputs: int = 0, widths: Sequence[Sequence[int]] = ((64, 64, 64), (128, 128, 128), (256, 256, 256)),
                 neighbours: int = 16, hidden: int = 256, dropout: float = 0.1) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.bn_fts = RowNorm(features)
        self.edge_convs = nn.ModuleList([EdgeConvolution(before, then) for before, then in zip([features, *(w[-1] for w in widths)], widths, strict=False)])
        self.fc = Head([widths[-1][-1], hidden], classes, jet_inputs, dropout)

    def forward(self, particles: Tensor, vectors: Tensor, offsets: Tensor, jets: Tensor | None = None) -> Tensor:
        """Return the logits."""
        packing = Packing.of(offsets)
        rows = self.bn_fts(particles[packing.rows])
        at = points(vectors[packing.rows], packing.jet, len(packing.jets))
        for convolution in self.edge_convs:
            rows = convolution(rows, nearest(at, packing, self.neighbours))
            at = rows
        mean = packing.sums(rows) / packing.counts.clamp_min(1)[:, None]
        logits: Tensor = self.fc(packing.unsorted(mean), jets)
        return logits
