"""The configured network."""

from __future__ import annotations

from torch import nn

from ....lazy import load_attribute
from ..config import TrackConfig
from . import NETWORKS


def build_network(config: TrackConfig) -> nn.Module:
    """Return the configured network with random weights."""
    network: nn.Module = load_attribute(NETWORKS[config.model.name])(config.model)
    return network
