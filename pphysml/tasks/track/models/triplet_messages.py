"""Messages between links that share a hit, millions of them, without keeping any.

The first linear layer is split, :math:`W [x_i, x_j, p(\\theta)] = W_i x_i + W_j x_j + f(\\theta)`, with one
row per link for the first two and a table for the third. Every batch normalisation is folded into the
linear layer behind it. In training its statistics are those of all messages: one pass over the triplets
for each normalisation, in chunks whose inner values are computed again for the gradient, see
`by_parts`. The gradient of the last layer and of the maximum needs only the strongest messages.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, linear

from ....nn.recomputed_parts import by_parts
from ....nn.row_norm import RowNorm
from .angle_encoding import look_up, moments, tabulate
from .relational import RelationalModel

CHUNK = {"cpu": 1 << 14, "cuda": 1 << 20}
"""Triplets that are treated together: on a CPU what fits into its cache."""


@dataclass(frozen=True)
class Triplets:
    """Pairs of links that share a hit.

    Attributes:
        before, after: the link nearer to the beam, and the one behind it, int64 (T,).
        theta: angle between them, rad, (T,).
    """

    before: Tensor
    after: Tensor
    theta: Tensor

    def chunks(self) -> Iterator[tuple[int, Triplets]]:
        """Return the first triplet's number of consecutive parts, and these."""
        size = CHUNK.get(self.theta.device.type, CHUNK["cuda"])
        for start in range(0, len(self.theta), size):
            part = slice(start, start + size)
            yield start, Triplets(self.before[part], self.after[part], self.theta[part])


class Folded(NamedTuple):
    """The relational model of the messages, with its normalisations folded.

    Attributes:
        ends: first layer of the receiving and of the sending link, (E, 2h).
        table: first layer of the angle, see `tabulate`.
        layers: weight and bias of the second layer, then of the third; fewer while they are not known.
    """

    ends: Tensor
    table: Tensor
    layers: tuple[Tensor, ...] = ()

    @classmethod
    def of(cls, *tensors: Tensor) -> Folded:
        """Return the model of its `tensors`."""
        return cls(tensors[0], tensors[1], tensors[2:])

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """What the messages depend on."""
        return self.ends, self.table, *self.layers

    def first(self, receiver: Tensor, sender: Tensor, angle: Tensor) -> Tensor:
        """Return the activations of the first layer, (N, h); `angle` is its part looked up."""
        width = angle.shape[1]
        ends = self.ends.index_select(0, receiver)[:, :width] + self.ends.index_select(0, sender)[:, width:]
        return leaky_relu(ends + angle)

    def both_ways(self, triplets: Triplets) -> Tensor:
        """Return the same for messages to `before`, and then to `after`, (2N, h)."""
        angle = look_up(self.table, triplets.theta)
        before, after = (self.ends.index_select(0, link) for link in (triplets.before, triplets.after))
        width = angle.shape[1]
        return leaky_relu(torch.cat([before[:, :width] + after[:, width:] + angle,
                                     after[:, :width] + before[:, width:] + angle]))

    def second_both_ways(self, triplets: Triplets) -> Tensor:
        """Return the activations of the second layer, in the same order."""
        return leaky_relu(linear(self.both_ways(triplets), *self.layers[:2]))


Rows = Callable[[Folded, Triplets], Tensor]


def strongest_messages(model: RelationalModel, links: Tensor, triplets: Triplets) -> Tensor:
    """Return the element-wise maximum of the messages to each link, 0 for links without: (E, h).

    Args:
        model: makes the message from the receiving link, the sending one and the encoded angle.
        links: features, (E, d).
        triplets: which links send each other messages.
    """
    width = model.outputs
    if not len(triplets.theta):
        return links.new_zeros(len(links), width)
    folded = fold(model, links, triplets)
    if not torch.is_grad_enabled():
        return _maximum(folded, triplets, len(links), width)
    return _selected(folded, triplets, _winners(folded, triplets, len(links), width))


def fold(model: RelationalModel, links: Tensor, triplets: Triplets) -> Folded:
    """Return the folded model; in training with the statistics of these messages, which it takes note of."""
    count = 2 * len(triplets.theta)
    folded = Folded(*_first_layer(*model.stage(0), links, triplets, count))
    for number, rows in ((1, Folded.both_ways), (2, Folded.second_both_ways)):
        norm, layer = model.stage(number)
        folded = Folded.of(*folded.tensors, *norm.fold(layer, *_statistics(norm, count, folded, triplets, rows)))
    return folded


def _first_layer(norm: RowNorm, layer: nn.Linear, links: Tensor, triplets: Triplets, count: int) -> tuple[Tensor, Tensor]:
    """Return the first layer of links and of angles."""
    mean, variance = norm.running_mean, norm.running_var
    if norm.training:
        mean, variance = _input_statistics(links, triplets)
        norm.absorb(mean, variance, count)
    weight, bias = norm.fold(layer, mean, variance)
    d = links.shape[1]
    # Positions far from the origin lose no digits if the mean is taken off before the product.
    receiving = linear(links - mean[:d], weight[:, :d], bias + weight[:, : 2 * d] @ mean[: 2 * d])
    sending = linear(links - mean[d : 2 * d], weight[:, d : 2 * d])
    return torch.cat([receiving, sending], 1), tabulate(weight[:, 2 * d :], triplets.theta)


@torch.no_grad()
def _input_statistics(links: Tensor, triplets: Triplets) -> tuple[Tensor, Tensor]:
    """Return mean and variance of the inputs of all messages; each link receives as often as it sends."""
    n = len(links)
    often = (torch.bincount(triplets.before, minlength=n) + torch.bincount(triplets.after, minlength=n)).double()
    share = often[:, None] / often.sum()
    mean = (share * links).sum(0)
    variance = (share * (links - mean) ** 2).sum(0)
    of_angle = moments(triplets.theta)
    return (torch.cat([mean, mean, of_angle[0]]).to(links.dtype),
            torch.cat([variance, variance, of_angle[1]]).to(links.dtype))


def _statistics(norm: RowNorm, count: int, folded: Folded, triplets: Triplets, rows: Rows) -> tuple[Tensor, Tensor]:
    """Return mean and variance of all `rows`, with their gradient; the running ones if not in training."""
    if not norm.training:
        return norm.running_mean, norm.running_var
    parts = [part for _, part in triplets.chunks()]
    total = by_parts(partial(_sums, rows), parts, *folded.tensors).sum(0) / count
    mean, variance = total[0], (total[1] - total[0] ** 2).clamp(min=0)
    norm.absorb(mean.detach(), variance.detach(), count)
    return mean.to(norm.weight.dtype), variance.to(norm.weight.dtype)


def _sums(rows: Rows, triplets: Triplets, *tensors: Tensor) -> Tensor:
    """Return the sums of values and of their squares, (1, 2, h)."""
    values = rows(Folded.of(*tensors), triplets)
    return torch.stack([values.sum(0), (values * values).sum(0)]).double()[None]


def _maximum(folded: Folded, triplets: Triplets, n: int, width: int) -> Tensor:
    """Return the strongest messages, (E, h)."""
    strongest = folded.ends.new_full((n, width), float("-inf"))
    for _, receiver, messages in _messages(folded, triplets):
        strongest.scatter_reduce_(0, receiver[:, None].expand_as(messages), messages, "amax")
    return torch.where(strongest == float("-inf"), 0.0, strongest)


@torch.no_grad()
def _winners(folded: Folded, triplets: Triplets, n: int, width: int) -> Tensor:
    """Return which they are: 2 t to `before` of triplet t, 2 t + 1 to `after`, -1 for none; (E, h)."""
    strongest = folded.ends.new_full((n, width), float("-inf"))
    winner = torch.full((n, width), -1, dtype=torch.long, device=strongest.device)
    for start, receiver, messages in _messages(folded, triplets):
        strongest.scatter_reduce_(0, receiver[:, None].expand_as(messages), messages, "amax")
        row, channel = (messages == strongest.index_select(0, receiver)).nonzero().unbind(1)
        size = len(receiver) // 2
        winner[receiver[row], channel] = 2 * (start + row % size) + row // size
    return winner


def _messages(folded: Folded, triplets: Triplets) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Return, chunk by chunk, the first triplet's number, receivers (2N,) and messages (2N, h)."""
    for start, part in triplets.chunks():
        yield start, torch.cat([part.before, part.after]), linear(folded.second_both_ways(part), *folded.layers[2:])


def _selected(folded: Folded, triplets: Triplets, winner: Tensor) -> Tensor:
    """Return the messages chosen for each link and channel, (E, h), with their gradient."""
    size = max(1, 2 * CHUNK.get(winner.device.type, CHUNK["cuda"]) // winner.shape[1])
    links = torch.arange(len(winner), device=winner.device)
    parts = [(links[i : i + size], winner[i : i + size]) for i in range(0, len(winner), size)]
    return by_parts(partial(_messages_of, triplets), parts, *folded.tensors)


def _messages_of(triplets: Triplets, part: tuple[Tensor, Tensor], *tensors: Tensor) -> Tensor:
    (links, winner), folded = part, Folded.of(*tensors)
    n, width = winner.shape
    chosen = winner.clamp(min=0).flatten()
    triplet = chosen // 2
    sender = torch.where(chosen % 2 == 0, triplets.after[triplet], triplets.before[triplet])
    angle = look_up(folded.table, triplets.theta[triplet])
    rows = leaky_relu(linear(folded.first(links.repeat_interleave(width), sender, angle), *folded.layers[:2]))
    weight, bias = folded.layers[2:]
    return ((rows.view(n, width, -1) * weight).sum(-1) + bias) * (winner >= 0)
