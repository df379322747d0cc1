"""The engines of `showers`."""

from __future__ import annotations

from typing import Any

from pphysml.contract import Engine
from pphysml.errors import ModelError
from pphysml.model_file import ModelFile

from .config import ShowersConfig
from .models.network import NetworkEngine


def make_engine(name: str, config: ShowersConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return the engine `network`."""
    if model is None:
        raise ModelError("The engine 'network' needs weights.")
    return NetworkEngine(config, model, device)
