"""`relay`: links pass messages to the links that may continue them, and compete for hits."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ....nn.multilayer import two_layer
from ....nn.segments import segment_logsumexp
from ..config import ModelConfig
from ..scores import LinkScores
from .messages import strongest

HIT_FEATURES, LINK_FEATURES, ANGLE_FEATURES, VOTES = 7, 14, 2, 4


class Relay(nn.Module):
    r"""Message passing between links that share a hit (the line graph of arXiv:2407.13420), pruned.

    A link's state :math:`h_e` is updated in every round by

    * the strongest message of its straightest continuations on either side,
      :math:`\max_k \mathrm{relu}(A h_e + B h_{n_k} + C \theta_k)`;
    * how it stands against the other links of its two hits:
      :math:`v_e - \log(1 + \sum_{e'} \exp v_{e'})` for some votes :math:`v = V h`, which is the first
      step of Sinkhorn's iteration towards an assignment.

    Positions are relative to the beam spot and energy losses logarithms, so that neither the place of
    the beam nor the thickness of the sensor matters.

    Shapes: see `batches.collate` for what a batch holds.
    """

    def __init__(self, options: ModelConfig) -> None:
        super().__init__()
        width = options.width
        self.enter = two_layer(LINK_FEATURES, width, width)
        self.rounds = nn.ModuleList(Round(width, options.message_width) for _ in range(options.rounds))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1))
        self.free = two_layer(HIT_FEATURES + 2, 16, 2)

    def forward(self, batch: dict[str, Tensor]) -> LinkScores:
        """Return the scores of all links, and of hits without."""
        hits = hit_features(batch)
        deep, shallow, n = batch["deep"], batch["shallow"], len(hits)
        state = self.enter(link_features(batch, hits))
        before, after = angle_features(batch["before_angle"]), angle_features(batch["after_angle"])
        for block in self.rounds:
            state = block(state, batch["before"], before, batch["after"], after, deep, shallow, n)
        link = self.leave(state)
        rivals = torch.cat([segment_logsumexp(link, deep, n), segment_logsumexp(link, shallow, n)], -1)
        free = self.free(torch.cat([hits, rivals], -1))
        return LinkScores(link[:, 0], free[:, 0], free[:, 1])


class Round(nn.Module):
    """One round of messages and votes."""

    def __init__(self, width: int, message_width: int) -> None:
        super().__init__()
        self.own = nn.Linear(width, 2 * message_width)
        self.other = nn.Linear(width, 2 * message_width, bias=False)
        self.angle = nn.ParameterList(nn.Linear(ANGLE_FEATURES, message_width).weight for _ in range(2))
        self.votes = nn.Linear(width, VOTES)
        self.update = two_layer(width + 2 * message_width + 2 * VOTES, 2 * width, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, state: Tensor, before: Tensor, before_angle: Tensor, after: Tensor, after_angle: Tensor,
                deep: Tensor, shallow: Tensor, n_hits: int) -> Tensor:
        """Return the new states of the links, (E, width)."""
        seen = self.norm(state)
        own, other = self.own(seen).chunk(2, -1), self.other(seen).chunk(2, -1)
        sides = ((before, before_angle), (after, after_angle))
        messages = [strongest(own[i], other[i], index, angle, self.angle[i]) for i, (index, angle) in enumerate(sides)]
        votes = self.votes(seen)
        standing = [votes - segment_logsumexp(votes, hit, n_hits)[hit] for hit in (deep, shallow)]
        new: Tensor = state + self.update(torch.cat([seen, *messages, *standing], -1))
        return new


def hit_features(batch: dict[str, Tensor]) -> Tensor:
    """Return position from the beam spot (cm), logarithm of the energy loss, layer, first layers: (H, HIT_FEATURES)."""
    layer = batch["layer"]
    flags = [(layer == i).float() for i in range(3)]
    place = [(batch[name] - batch[f"centre_{name}"]) / 10 for name in "xy"]
    return torch.stack([*place, torch.log(batch["dedx"].clamp(min=1e-2)), layer / 20, *flags], -1)


def link_features(batch: dict[str, Tensor], hits: Tensor) -> Tensor:
    """Return what a link looks like: (E, LINK_FEATURES)."""
    deep, shallow = batch["deep"], batch["shallow"]
    step = [(batch[name][deep] - batch[name][shallow]) for name in "xyz"]
    slopes = [step[0] / step[2], step[1] / step[2]]
    angle = torch.log(torch.hypot(*slopes) + 1e-3)
    rivals = [torch.log(torch.bincount(hit, minlength=len(hits)).float())[hit] for hit in (deep, shallow)]
    own = torch.stack([10 * slopes[0], 10 * slopes[1], angle + 3, torch.log(step[2] / 5), *rivals, hits[shallow, 2]], -1)
    return torch.cat([own, hits[deep]], -1)


def angle_features(angle: Tensor) -> Tensor:
    """Return the deflection in a form that shows both scattering and its tail: (E, K, 2)."""
    return torch.stack([torch.log(angle + 1e-3) + 3, 10 * angle], -1)
