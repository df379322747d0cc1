"""Weights of the published spiking network as a file in the Neuromorphic Intermediate Representation."""

from __future__ import annotations

import io

from torch import nn

from .....errors import ModelError
from .....model_file import ModelFile
from ...config import PetConfig
from .nir_export import Style, nir_package, to_nir
from .published_file import published_model


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
    nir, made = nir_package(), published_model(model)
    if made is None:
        raise ModelError(f"NIR is for pphysml's network 'published' alone, and this one is {model.configuration(PetConfig).model.name!r}.")
    assert isinstance(made.network, nn.Sequential)
    buffer = io.BytesIO()
    nir.write(buffer, to_nir(made.network, style))
    return buffer.getvalue()
