"""The engines of `lcag` by name; each imports what it needs."""

from __future__ import annotations

from typing import Any

from ...contract import Engine
from ...model_file import ModelFile
from .config import LcagConfig


def make_engine(name: str, config: LcagConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return one of `task.Lcag.engines`; see `task.Task.engine`."""
    if name == "network":
        from .models.network_engine import NetworkEngine

        return NetworkEngine(config, model, device)
    if name == "combiner":
        from .classical.combiner import CombinerEngine

        return CombinerEngine(config, model, device)
    from .classical.engines import LookupEngine, MasslineEngine

    return MasslineEngine(config, model, device) if name == "massline" else LookupEngine(config, model, device)
