"""A network's links of a batch of frames."""

from __future__ import annotations

import torch
from torch import nn

from ...task import Batch
from .assign import gains, link_probabilities, links_of
from .config import TrackConfig
from .links import Links
from .scores import score


@torch.no_grad()
def find_links(model: nn.Module, batch: Batch, config: TrackConfig) -> Links:
    """Return the best assignment of every layer by the network's scores.

    The published networks score links by themselves, and link as many hits as possible.
    """
    device = next(model.parameters()).device
    batch = {name: tensor.to(device) for name, tensor in batch.items()}
    scores = score(model, batch)
    if config.model.name == "relay":
        gain, probability = gains(scores, batch), link_probabilities(scores, batch)
    else:
        gain = probability = torch.sigmoid(scores.link)
    deep, shallow = batch["deep"].cpu().numpy(), batch["shallow"].cpu().numpy()
    no_link = config.apply.no_link and config.model.name == "relay"
    return links_of(gain.cpu().numpy(), probability.cpu().numpy(), deep, shallow, len(batch["x"]), no_link)
