"""Export a trained model in one of the formats that its task offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .errors import ConfigError, ModelError, did_you_mean
from .model_file import ModelFile, load_model, save_model
from .models import find_model
from .registry import load_attribute
from .task import Task


def export(task: Task, *, model: str | None, output: Path, format: str, force: bool = False) -> dict[str, Any]:
    """Write a model to `output` and return a summary.

    Raises:
        ConfigError: the task does not offer the format, or the file exists.
        ModelError: there is no model.
    """
    if format not in task.exports:
        raise ConfigError(f"Task {task.name!r} offers no format {format!r}.{did_you_mean(format, task.exports)}")
    if output.exists() and not force:
        raise ConfigError(f"{output}: exists; give another --output or --force.")
    path = find_model(task, model)
    if path is None:
        raise ModelError(f"No weights are shipped for {task.name!r}; give --model RUN.")
    weights = load_model(path, task.name)
    load_attribute(task.exports[format])(weights, output)
    return {"model": str(path), "output": str(output), "format": format, "bytes": output.stat().st_size}


def to_safetensors(model: ModelFile, output: Path) -> None:
    """Write the weights file by itself: all that applying needs, in one portable file."""
    save_model(output, model)
