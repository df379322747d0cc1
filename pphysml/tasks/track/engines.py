"""The engines of `track` by name; each imports what it needs."""

from __future__ import annotations

from typing import Any

from ...contract import Engine
from ...model_file import ModelFile
from .config import TrackConfig


def make_engine(name: str, config: TrackConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return one of `task.Track.engines`; see `task.Task.engine`."""
    if name == "network":
        from .models.network_engine import NetworkEngine

        return NetworkEngine(config, model, device)
    from .classical import references

    if name == "follower":
        return references.FollowerEngine(config, model, device)
    if name == "deflection":
        return references.DeflectionEngine(config, model, device)
    if name == "straight":
        return references.StraightEngine(config, model, device)
    return references.PerfectEngine(config, model, device)
