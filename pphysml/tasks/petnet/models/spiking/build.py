"""The configured spiking network in bins of time."""

from __future__ import annotations

from ...config import PetConfig
from ...scanner.scanner import Scanner
from .own_spikes import OwnSpikes
from .published_model import PublishedModel


def build_network(config: PetConfig, scanner: Scanner) -> PublishedModel:
    """Return the network with its input and loss: the published one, or one of the user's own in its place."""
    own = config.own_network
    return PublishedModel(config.model.published, scanner, None if own is None else OwnSpikes(config, own))
