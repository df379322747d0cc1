"""The published spiking network of a weights file."""

from __future__ import annotations

from .....model_file import ModelFile
from .....nn.network_weights import with_weights
from ...config import PetConfig
from ...scanner.scanner import scanner_of
from .published_model import PublishedModel


def published_model(model: ModelFile) -> PublishedModel | None:
    """Return the network with its weights; None if the model is another network."""
    config = model.configuration(PetConfig)
    if config.model.name != "published":
        return None
    scanner = scanner_of(config.data.scanner)
    return with_weights(lambda: PublishedModel(config.model.published, scanner), model).eval()
