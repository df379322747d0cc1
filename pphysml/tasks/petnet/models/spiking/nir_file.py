"""Weights of the published spiking network as a file in the Neuromorphic Intermediate Representation."""

from __future__ import annotations

import io

from .....errors import ModelError
from .....model_file import ModelFile
from .....nn.network_weights import with_weights
from ...config import PetConfig
from .nir_export import Style, nir_package, to_nir
from .published_model import PublishedModel
from .scanners import scanner_of


def to_nir_file(model: ModelFile) -> tuple[bytes]:
    """Return a graph of LIF nodes, which backends read; those that cannot subtract the threshold spike otherwise.

    Raises:
        ConfigError: the package is missing.
        ModelError: the model is another network.
    """
    return (_file(model, "lif"),)


def to_exact_nir_file(model: ModelFile) -> tuple[bytes]:
    """Return a graph whose nodes say exactly what the network does, with a cycle for the reset; see `to_nir_file`."""
    return (_file(model, "exact"),)


def _file(model: ModelFile, style: Style) -> bytes:
    nir = nir_package()
    config = model.configuration(PetConfig)
    if config.model.name != "published":
        raise ModelError(f"NIR is for the network 'published': there are no nodes for what {config.model.name!r} does.")
    network = with_weights(PublishedModel(config.model.published, scanner_of(config.data.scanner)), model).network
    buffer = io.BytesIO()
    nir.write(buffer, to_nir(network, style))
    return buffer.getvalue()
