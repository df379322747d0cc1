"""The engines of `petnet` by name; each imports what it needs."""

from __future__ import annotations

from typing import Any

from ...contract import Engine
from ...errors import ConfigError
from ...model_file import ModelFile
from .config import PetConfig

WITH_PROBABILITIES = ("likelihood", "pairs")
"""Engines that give every pair in the window a probability."""


def make_engine(name: str, config: PetConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return one of `task.Petnet.engines`, which leaves pairs as they are where the input has these; see `task.Task.engine`."""
    from .coincidences.given_pairs import OrGiven

    return OrGiven(_engine(name, config, model, device))


def _engine(name: str, config: PetConfig, model: ModelFile | None, device: Any) -> Engine:
    if name not in WITH_PROBABILITIES and config.apply.candidates is not None:
        raise ConfigError(f"apply.candidates (--candidates): the engine {name!r} gives no probability of the pairs that it does not take; give --engine likelihood or pairs.")
    if name == "snn":
        from .models.spiking.engines import snn_engine

        return snn_engine(config, model, device)
    if name == "classical":
        from .classical.engine import ClassicalEngine

        return ClassicalEngine(config, model, device)
    if name == "pairs":
        from .models.pairs.pairs_engine import PairsEngine

        return PairsEngine(config, model, device)
    from .models.pairs.likelihood_engine import LikelihoodEngine

    return LikelihoodEngine(config, model, device)
