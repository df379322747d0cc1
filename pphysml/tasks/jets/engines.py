"""The engines of `jets` by name; each imports what it needs."""

from __future__ import annotations

from typing import Any

from ...contract import Engine
from ...model_file import ModelFile
from .config import JetsConfig


def make_engine(name: str, config: JetsConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return one of `task.Jets.engines`; see `task.Task.engine`."""
    if name != "network":
        from .models.branch_engine import BranchEngine

        return BranchEngine(config)
    from .models.network_engine import NetworkEngine

    assert model is not None
    if config.folds is not None:
        from .models.fold_engine import FoldEngine

        return FoldEngine(config, model, device)
    return NetworkEngine(config, model, device)
