"""The published spiking network of a weights file."""

from __future__ import annotations

from .....model_file import ModelFile
from .....nn.network_weights import with_weights
from ...config import PetConfig
from .published_model import PublishedModel
from .scanners import scanner_of


def published_model(model: ModelFile) -> PublishedModel | None:
    """Return the network with its weights; None if the model is another network."""
    config = model.configuration(PetConfig)
    if config.model.name != "published":
        return None
    return with_weights(PublishedModel(config.model.published, scanner_of(config.data.scanner)), model).eval()
