"""`line-graph`: the network on pairs of links published with arXiv:2407.13420."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ....contract import Batch
from ....nn.message_passing import Maximum, MessagePassing
from ..config.model import ModelConfig
from .angle_encoding import WIDTH, encode
from .frames import by_frame
from .relational import ObjectModel, RelationalModel
from .triplet_messages import Triplets, strongest_messages

FEATURES, HIDDEN = 8, 16


class LineGraph(MessagePassing):
    r"""One round of messages between candidate links that share a hit; 4,961 parameters.

    .. math:: m_{ij} = R_1[x_i, x_j, p(\theta_{ij})], \quad
              x'_i = O[x_i, \max_j m_{ij}], \quad \text{logit}_i = R_2[x'_i]

    over both links of every triplet, in both directions; x are energy losses and positions of a
    link's two hits (see `link_features`), p the encoding of the angle between the links. A link
    that shares its hits with no other has 0 for the maximum.

    In training, batch statistics are those of all frames of a batch together, in evaluation the running
    ones: then a batch of B frames gives what B single frames give. `published_defects` takes statistics
    frame by frame, as the published code does; then frames of different density are normalised
    differently in training and alike in evaluation. On several processes each has its own statistics:
    such a training does not equal that of one process.

    Always in float32. `by_propagation` is this definition as message passing on the graph whose nodes
    are links and whose edges are triplets, there and back. It keeps every message; calling the network
    gives the same, with memory that grows with links only, but for the triplets themselves, see
    `triplet_messages`.

    Shapes: `x y z edep` (H,); `deep shallow` (E,); `edge_in edge_out theta` (T,): the links (b, a) and
    (c, b) nearer to and farther from the beam, and the angle between them, rad; in training with
    `published_defects` also `frame` (H,). Output (E,).
    """

    def __init__(self, options: ModelConfig) -> None:
        super().__init__(aggr=Maximum())
        self.published_defects = options.published_defects
        self.R1 = RelationalModel(2 * FEATURES + WIDTH, HIDDEN, HIDDEN)
        self.O = ObjectModel(FEATURES + HIDDEN, HIDDEN, HIDDEN)
        self.R2 = RelationalModel(HIDDEN, 1, HIDDEN)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logit of every link."""
        return self._logits(batch, self._in_chunks)

    def by_propagation(self, batch: Batch) -> Tensor:
        """Return the same as the definition has it."""
        return self._logits(batch, self._propagated)

    def _logits(self, batch: Batch, states: Callable[[Batch], Tensor]) -> Tensor:
        # Positions of some hundred millimetres are wrong by one in bfloat16.
        with torch.autocast(batch["x"].device.type, enabled=False):
            frames = by_frame(batch) if self.training and self.published_defects and len(batch["deep"]) else [batch]
            return torch.cat([self.R2(states(frame))[:, 0] for frame in frames])

    def _in_chunks(self, batch: Batch) -> Tensor:
        links = link_features(batch)
        triplets = Triplets(batch["edge_in"], batch["edge_out"], batch["theta"])
        return self.update(strongest_messages(self.R1, links, triplets), links)

    def _propagated(self, batch: Batch) -> Tensor:
        links, theta = link_features(batch), batch["theta"]
        receiver, sender = (torch.cat([batch[a], batch[b]]) for a, b in (("edge_in", "edge_out"), ("edge_out", "edge_in")))
        states: Tensor = self.propagate(torch.stack([sender, receiver]), size=(len(links), len(links)),
                                        x=links, theta=torch.cat([theta, theta]))
        return states

    def message(self, x_i: Tensor, x_j: Tensor, theta: Tensor) -> Tensor:
        """Return what link j of every triplet sends to link i, (2T, h)."""
        messages: Tensor = self.R1(torch.cat([x_i, x_j, encode(theta)], 1))
        return messages

    def update(self, inputs: Tensor, x: Tensor) -> Tensor:
        """Return the state of every link from its features and its strongest messages, (E, h)."""
        states: Tensor = self.O(torch.cat([x, inputs], 1))
        return states


def link_features(batch: Batch) -> Tensor:
    """Return energy losses (MeV) of the deep and the shallow hit, and their positions (mm): (E, 8)."""
    hits = torch.stack([batch[name] for name in ("edep", "x", "y", "z")], 1)
    deep, shallow = hits[batch["deep"]], hits[batch["shallow"]]
    return torch.cat([deep[:, :1], shallow[:, :1], deep[:, 1:], shallow[:, 1:]], 1)
