"""The configured network."""

from __future__ import annotations

from torch import nn

from ....lazy import load_attribute
from ....own_network import OwnNetwork
from ..config import TrackConfig
from . import NETWORKS, OWN


def build_network(config: TrackConfig) -> nn.Module:
    """Return the configured network with random weights."""
    name = config.model.name
    if isinstance(name, OwnNetwork):
        network: nn.Module = load_attribute(OWN)(config, name)
    else:
        network = load_attribute(NETWORKS[name])(config.model)
    return network
