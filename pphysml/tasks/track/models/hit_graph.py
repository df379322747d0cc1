"""`hit-graph`: the network on hits published with arXiv:2407.13420."""

from __future__ import annotations

import torch
from torch import Tensor

from ....contract import Batch
from ....nn.message_passing import Maximum, MessagePassing
from ..config.model import ModelConfig
from .frames import by_frame
from .relational import ObjectModel, RelationalModel

NODE, EDGE, HIDDEN = 4, 3, 64
REFERENCE_CLUSTER = 4.2267 * (0.06 * 1000 / 25) ** 0.65 + 0.5
"""Pixels of a cluster of 0.06 MeV in a sensor of 25 um, not rounded."""
HALF_SIZE, PIXELS = (135.4, 83.15), (9 * 1024, 12 * 512)
"""Half width of the sensors in x and y, mm, and their pixels."""


class HitGraph(MessagePassing):
    r"""One round of messages along candidate links, from deep to shallow hits; 39,839 parameters.

    .. math:: m_{ij} = R_1[x_i, x_j, e_{ij}], \quad x'_i = O[x_i, \max_j m_{ij}], \quad
              \text{logit}_{ij} = R_2[x'_i, x'_j, m_{ij}]

    for the shallow hit i and the deep hit j of a link; see `hit_features`, `spherical`. A hit that no
    link reaches from behind has 0 for the maximum.

    `published_defects`: the published probability is a sigmoid of a sigmoid, between 0.5 and 0.731, of
    which the logit is returned; positions are measured from the *pixel number* of the beam spot; and
    batch statistics are those of single frames, see `LineGraph` for these.

    Shapes: `x y z cluster_size` (H,) and the spot's position `spot_x spot_y` (H,), mm, 0 where it is not
    known; `deep shallow` (E,); in training with `published_defects` also `frame` (H,). Output (E,).
    Always in float32.
    """

    def __init__(self, options: ModelConfig) -> None:
        super().__init__(aggr=Maximum())
        self.published_defects = options.published_defects
        self.R1 = RelationalModel(2 * NODE + EDGE, HIDDEN, HIDDEN)
        self.O = ObjectModel(NODE + HIDDEN, HIDDEN, HIDDEN)
        self.R2 = RelationalModel(3 * HIDDEN, 1, HIDDEN)

    def forward(self, batch: Batch) -> Tensor:
        """Return the logit of every link."""
        with torch.autocast(batch["x"].device.type, enabled=False):
            if self.training and self.published_defects and len(batch["deep"]):
                logits = torch.cat([self._score(frame) for frame in by_frame(batch)])
            else:
                logits = self._score(batch)
        return torch.sigmoid(logits) if self.published_defects else logits

    def _score(self, batch: Batch) -> Tensor:
        hits = hit_features(batch, self.published_defects)
        deep, shallow = batch["deep"], batch["shallow"]
        links = torch.stack([deep, shallow])
        messages = self.edge_updater(links, x=hits, steps=spherical(batch))
        states = self.propagate(links, size=(len(hits), len(hits)), x=hits, messages=messages)
        logits: Tensor = self.R2(torch.cat([states[shallow], states[deep], messages], 1))[:, 0]
        return logits

    def edge_update(self, x_i: Tensor, x_j: Tensor, steps: Tensor) -> Tensor:
        """Return what the deep hit j of every link sends to the shallow one i, (E, h)."""
        messages: Tensor = self.R1(torch.cat([x_i, x_j, steps], 1))
        return messages

    def message(self, messages: Tensor) -> Tensor:
        """Return the messages; the links need them once more."""
        return messages

    def update(self, inputs: Tensor, x: Tensor) -> Tensor:
        """Return the state of every hit from its features and its strongest messages, (H, h)."""
        states: Tensor = self.O(torch.cat([x, inputs], 1))
        return states


def hit_features(batch: Batch, published_defects: bool = False) -> Tensor:
    """Return cluster size, position from the spot in x and y (m), and z (mm): (H, 4)."""
    place = [batch[name] - _spot(batch[f"spot_{name}"], axis, published_defects) for axis, name in enumerate("xy")]
    return torch.stack([batch["cluster_size"] / REFERENCE_CLUSTER, *(p / 1000 for p in place), batch["z"]], 1)


def spherical(batch: Batch) -> Tensor:
    """Return length (mm), azimuth and polar angle (rad) of the links, pointing away from the beam: (E, 3)."""
    x, y, z = (batch[name][batch["deep"]] - batch[name][batch["shallow"]] for name in "xyz")
    length = torch.sqrt(x**2 + y**2 + z**2)
    return torch.stack([length, torch.atan2(y, x), torch.acos(z / length)], 1)


def spot_offset(axis: int) -> float:
    """Return what the published code takes for the position of a spot at 0: its pixel number."""
    return float(_spot(torch.zeros(()), axis, True))


def _spot(position: Tensor, axis: int, published_defects: bool) -> Tensor:
    if not published_defects:
        return position
    return ((position + HALF_SIZE[axis]) * (PIXELS[axis] / (2 * HALF_SIZE[axis]))).round()
