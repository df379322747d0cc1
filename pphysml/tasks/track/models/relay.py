"""`relay`: links pass messages to the links that may continue them, and compete for hits."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from ....nn.mlp import two_layer
from ....nn.segments import segment_logsumexp
from ..config.model import ModelConfig
from .continuations import directions, straightest
from .materials import MATERIALS
from .messages import strongest
from .scores import LinkScores

HIT_FEATURES, ANGLE_FEATURES, VOTES, LOOK_WIDTH = 7, 2, 4, 24
LINK_FEATURES = 7 + 2 * 2 * ANGLE_FEATURES
"""Of a link itself; those of its deep hit come on top."""
MOST = 16
"""Links of a hit that take part in the rounds at most: in dense frames the right one is often not among the first few (of 1,000 protons, 2 % are lost among 4)."""
LOOKED_AT, UPDATED = 2048, 1024
"""Links that a first look takes together on a CPU, and a round when applying: larger parts are hardly faster, and take more memory."""
GPU_PART = 2**19
"""Links that either takes together elsewhere: some 0.5 GB."""


class Relay(nn.Module):
    r"""Message passing between links that share a hit (the line graph of arXiv:2407.13420), pruned.

    A first look at every link by itself, and at how straight it can be continued, leaves out those that are
    hopeless at either of their hits: nine of ten. They keep the score of that look. Of those that stay, a
    link's state :math:`h_e` is updated in every round by

    * the strongest message of its straightest continuations on either side,
      :math:`\max_k \mathrm{relu}(A h_e + B h_{n_k} + C \theta_k)`;
    * how it stands against the other links of its two hits:
      :math:`v_e - \log(1 + \sum_{e'} \exp v_{e'})` for some votes :math:`v = V h`, which is the first
      step of Sinkhorn's iteration towards an assignment.

    Positions are relative to the beam spot and energy losses logarithms, so that neither the place of
    the beam nor the thickness of the sensor matters. With `model.materials` deflections are in widths of
    multiple scattering, and hits have the features of `materials.of_hits` too.

    Shapes: see `batches.collate` for what a batch holds.
    """

    def __init__(self, options: ModelConfig) -> None:
        super().__init__()
        width, of_hit = options.width, HIT_FEATURES + (MATERIALS if options.materials else 0)
        self.look = two_layer(LINK_FEATURES + of_hit, LOOK_WIDTH, 1)
        self.enter = two_layer(LINK_FEATURES + of_hit, width, width)
        self.neighbours = options.neighbours
        self.hopeless = math.log(options.min_early_probability) if options.min_early_probability else -math.inf
        self.rounds = nn.ModuleList(Round(width, options.message_width) for _ in range(options.rounds))
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1))
        self.free = two_layer(of_hit + 2, 16, 2)

    def forward(self, batch: dict[str, Tensor]) -> LinkScores:
        """Return the scores of all links, and of hits without."""
        hits = hit_features(batch)
        n, look = len(hits), LinkFeatures(batch, hits)
        # A training computes the first look of the many links again for its gradient, rather than keep it.
        early = torch.cat([checkpoint(self.look, look(part), use_reentrant=False, preserve_rng_state=False) for part in parts(len(batch["deep"]), looked_at_together(hits.device))])
        kept = self.promising(early.detach()[:, 0], batch["deep"], batch["shallow"], n)
        state = torch.cat([self.enter(look(kept[part])) for part in parts(len(kept), updated_together(kept))])
        deep, shallow = batch["deep"][kept], batch["shallow"][kept]
        sides = self.continuations(batch, kept, n)
        for block in self.rounds:
            state = block(state, sides, deep, shallow, n)
        link = early.index_copy(0, kept, self.leave(state))
        rivals = torch.cat([segment_logsumexp(link, batch[side], n) for side in ("deep", "shallow")], -1)
        free = self.free(torch.cat([hits, rivals], -1))
        return LinkScores(link[:, 0], free[:, 0], free[:, 1], early[:, 0])

    def promising(self, early: Tensor, deep: Tensor, shallow: Tensor, n_hits: int) -> Tensor:
        """Return the links that are not hopeless at either of their hits, and among the best few of both, int64."""
        if self.hopeless == -math.inf:
            return torch.arange(len(early), device=early.device)
        least = torch.minimum(*(against_rivals(early[:, None], hit, n_hits)[:, 0] for hit in (deep, shallow)))
        kept = torch.nonzero(least > self.hopeless)[:, 0]
        for hit in (deep, shallow):
            kept = kept[best_of_each(hit[kept], least[kept], n_hits, MOST)]
        return kept

    def continuations(self, batch: dict[str, Tensor], kept: Tensor, n_hits: int) -> list[tuple[Tensor, Tensor]]:
        """Return indices (E, K) and angles (E, K, ANGLE_FEATURES) of the links before the kept ones, and of those after, among these."""
        deep, shallow = (batch[name][kept].cpu().numpy() for name in ("deep", "shallow"))
        position = torch.stack([batch[name] for name in "xyz"], 1).double().cpu().numpy()
        found, device = straightest(directions(position, deep, shallow), deep, shallow, n_hits, self.neighbours), kept.device
        sides = []
        for side, index, angle in (("before", found.before, found.before_angle), ("after", found.after, found.after_angle)):
            angles = torch.from_numpy(angle).to(device)
            if f"{side}_scale" in batch:
                angles = angles * batch[f"{side}_scale"][kept][:, None]
            sides.append((torch.from_numpy(index).to(device), angle_features(angles)))
        return sides


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

    def forward(self, state: Tensor, sides: list[tuple[Tensor, Tensor]], deep: Tensor, shallow: Tensor, n_hits: int) -> Tensor:
        """Return the new states of the links, (E, width)."""
        seen = self.norm(state)
        other, votes = [functional.linear(seen, weight) for weight in self.other.weight.chunk(2)], self.votes(seen)
        standing = [against_rivals(votes, hit, n_hits) for hit in (deep, shallow)]
        return torch.cat([
            self._updated(state[part], seen[part], other, [(index[part], angle[part]) for index, angle in sides], [found[part] for found in standing])
            for part in parts(len(state), updated_together(state))])

    def _updated(self, state: Tensor, seen: Tensor, other: list[Tensor], sides: list[tuple[Tensor, Tensor]], standing: list[Tensor]) -> Tensor:
        own = self.own(seen).chunk(2, -1)
        messages = [strongest(own[i], other[i], index, angle, self.angle[i]) for i, (index, angle) in enumerate(sides)]
        new: Tensor = state + self.update(torch.cat([seen, *messages, *standing], -1))
        return new


def parts(n_links: int, size: int) -> list[slice]:
    """Return all links in parts of at most `size`; one part where there are none."""
    return [slice(start, start + size) for start in range(0, max(n_links, 1), size)]


def looked_at_together(device: torch.device) -> int:
    """Return how many links the first look takes together."""
    return LOOKED_AT if device.type == "cpu" else GPU_PART


def updated_together(links: Tensor) -> int:
    """Return how many links a round takes together: all in a training, which keeps all for its gradient."""
    if torch.is_grad_enabled():
        return max(len(links), 1)
    return UPDATED if links.device.type == "cpu" else GPU_PART


def hit_features(batch: dict[str, Tensor]) -> Tensor:
    """Return position from the beam spot (cm), logarithm of the energy loss, layer, first layers, and materials if the batch has them: (H, HIT_FEATURES)."""
    layer = batch["layer"]
    flags = [(layer == i).float() for i in range(3)]
    place = [(batch[name] - batch[f"centre_{name}"]) / 10 for name in "xy"]
    features = torch.stack([*place, torch.log(batch["dedx"].clamp(min=1e-2)), layer / 20, *flags], -1)
    return torch.cat([features, batch["materials"]], -1) if "materials" in batch else features


class LinkFeatures:
    """What links look like, for those that are asked for."""

    def __init__(self, batch: dict[str, Tensor], hits: Tensor) -> None:
        self.batch, self.hits = batch, hits
        self.rivals = [torch.log(torch.bincount(batch[side], minlength=len(hits)).float()) for side in ("deep", "shallow")]

    def __call__(self, chosen: Tensor | slice) -> Tensor:
        """Return the features of some links, and of their deep hits, (chosen, F)."""
        deep, shallow = (taken(self.batch[side], chosen) for side in ("deep", "shallow"))
        step = [self.batch[name].index_select(0, deep) - self.batch[name].index_select(0, shallow) for name in "xyz"]
        slopes = [step[0] / step[2], step[1] / step[2]]
        angle = torch.log(torch.hypot(*slopes) + 1e-3)
        rivals = [found.index_select(0, hit) for found, hit in zip(self.rivals, (deep, shallow), strict=True)]
        own = torch.stack([10 * slopes[0], 10 * slopes[1], angle + 3, torch.log(step[2] / 5), *rivals, self.hits[:, 2].index_select(0, shallow)], -1)
        bends = [angle_features(taken(self.batch[name], chosen)).flatten(1) for name in ("before_angle", "after_angle")]
        return torch.cat([own, self.hits.index_select(0, deep), *bends], -1)


def taken(values: Tensor, chosen: Tensor | slice) -> Tensor:
    """Return the chosen rows; `index_select` takes a third of the time of indexing."""
    return values[chosen] if isinstance(chosen, slice) else values.index_select(0, chosen)


def against_rivals(score: Tensor, hit: Tensor, n_hits: int) -> Tensor:
    """Return the logarithm of a link's probability among all links of its hit, and none, (E, C)."""
    return score - segment_logsumexp(score, hit, n_hits).index_select(0, hit)


def best_of_each(hit: Tensor, score: Tensor, n_hits: int, most: int) -> Tensor:
    """Return which links are among the `most` best of their hit, int64, in rising order."""
    counts = torch.bincount(hit, minlength=n_hits)
    if len(hit) == 0 or counts.max() <= most:
        return torch.arange(len(hit), device=hit.device)
    order = torch.argsort(score, descending=True, stable=True)
    order = order[torch.argsort(hit[order], stable=True)]
    rank = torch.arange(len(hit), device=hit.device) - (torch.cumsum(counts, 0) - counts)[hit[order]]
    return order[rank < most].sort().values


def angle_features(angle: Tensor) -> Tensor:
    """Return the deflection in a form that shows both scattering and its tail: (E, K, 2)."""
    angle = angle.clamp(max=1.5)
    return torch.stack([torch.log(angle + 1e-3) + 3, 10 * angle], -1)
