"""The engines of `petnet` by name; each imports what it needs."""

from __future__ import annotations

from typing import Any

from ...contract import Engine
from ...model_file import ModelFile
from .config import PetConfig


def make_engine(name: str, config: PetConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return one of `task.Petnet.engines`; see `task.Task.engine`."""
    if name == "snn":
        from .models.spiking.engines import snn_engine

        return snn_engine(config, model, device)
    if name == "classical":
        from .classical.engine import ClassicalEngine

        return ClassicalEngine(config, model, device)
    from .models.pairs.engines import LikelihoodEngine, PairsEngine

    return (PairsEngine if name == "pairs" else LikelihoodEngine)(config, model, device)
