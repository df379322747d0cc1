"""A network's links of frames: what applying does, and what a training is validated by."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ....contract import Batch
from ....io.ragged import Columns
from ..config import TrackConfig
from ..tracks.links import Links
from ..tracks.merged_hits import uncross
from ..tracks.track_joining import join
from .batches import collate, portions
from .link_assignment import gains, link_probabilities, links_of
from .scores import LinkScores, score


def find_links(model: nn.Module, examples: Columns, config: TrackConfig) -> Links:
    """Return the links of all frames, `apply.batch_size` frames at a time."""
    previous, probability, first = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.float32)], 0
    for part in portions(examples, config.apply.batch_size):
        found = assigned(model, collate(part, config), config)
        if config.apply.join_angle > 0:
            found = join(part, found, config.apply.join_angle)
        if config.data.hits == "clusters":
            found = uncross(part, found)
        previous.append(np.where(found.previous >= 0, found.previous + first, -1))
        probability.append(found.probability)
        first += len(found.previous)
    return Links(np.concatenate(previous), np.concatenate(probability))


@torch.no_grad()
def assigned(model: nn.Module, batch: Batch, config: TrackConfig) -> Links:
    """Return the best assignment of every layer of a batch by the network's scores."""
    device = next(model.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    scores = score(model, batch)
    gain, probability = _judged(scores, batch, config)
    deep, shallow = batch["deep"].cpu().numpy(), batch["shallow"].cpu().numpy()
    no_link = config.apply.no_link and not config.model.is_published
    return links_of(gain.cpu().numpy(), probability.cpu().numpy(), deep, shallow, len(batch["x"]), no_link)


def _judged(scores: LinkScores, batch: Batch, config: TrackConfig) -> tuple[Tensor, Tensor]:
    """Return by how much each link is better than none, and its probability, (E,).

    Of our network the links of a hit compete; others score each by itself, with log-odds, which are the gain of
    a link over none; the published ones have no such choice, and assign by the probabilities.
    """
    if config.model.name == "relay":
        return gains(scores, batch), link_probabilities(scores, batch)
    probability = torch.sigmoid(scores.link)
    return probability if config.model.is_published else scores.link, probability
