"""The engine `snn`: spiking networks."""

from __future__ import annotations

from typing import Any

from .....contract import Engine
from .....errors import ModelError
from .....model_file import ModelFile
from ...config import PetConfig
from ...scanner.scanner import scanner_of


def snn_engine(config: PetConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return the engine of the weights' network; snntorch is imported for those networks only that are written with it.

    Raises:
        ModelError: the weights are of no spiking network, or of another scanner.
    """
    assert model is not None
    if config.model.name == "pairs":
        raise ModelError("The weights are of the network 'pairs', which does not spike: give --engine pairs.")
    scanner = scanner_of(config.scanner)
    own = scanner_of(config.data.scanner)
    if (scanner.layers, scanner.n_rings, scanner.crystals_per_ring) != (own.layers, own.n_rings, own.crystals_per_ring):
        raise ModelError(f"The network has an input for each of the {own.n_crystals} crystals of {own.name!r}, and cannot take the {scanner.n_crystals} of {scanner.name!r}.")
    if config.model.in_bins:
        from .published_engine import PublishedEngine

        return PublishedEngine(config, scanner, model, device)
    from .coincidence_engine import CoincidenceEngine

    return CoincidenceEngine(config, scanner, model, device)
