"""Choosing the model, the engine and the configuration that applying and evaluating use."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ..config import build, load, override
from ..contract import Engine
from ..errors import ConfigError, ModelError
from ..io.ragged import Columns
from ..model_file import ModelFile, load_model
from ..task import Task


@dataclass(frozen=True)
class Chosen:
    """An engine ready to run, and what it was made from."""

    engine: Engine
    name: str
    config: Any
    model: ModelFile | None
    model_path: Path | None


def shipped_models(task: Task) -> dict[str, Path]:
    """Return the weights files in the package by preset name, those that exist."""
    if not task.weights_package:
        return {}
    folder = resources.files(task.weights_package)
    paths = {name: Path(str(folder.joinpath(file))) for name, file in task.weights.items()}
    return {name: path for name, path in paths.items() if path.exists()}


def find_model(task: Task, model: str | None, engine: str | None = None) -> Path | None:
    """Return the weights that a user means: a path, a shipped model's name, or those that an engine takes."""
    shipped = shipped_models(task)
    if model is None and task.networks:
        return shipped.get(task.networks.get(engine or task.default_engine, ""))
    if model is None:
        return next(iter(shipped.values()), None)
    if model in shipped and not Path(model).exists():
        return shipped[model]
    return Path(model)


def choose(
    task: Task,
    *,
    model: str | None = None,
    engine: str | None = None,
    source: str | None = None,
    overrides: Sequence[str] = (),
    device: str = "auto",
) -> Chosen:
    """Make an engine.

    The configuration is that of the model, else that of the preset or file `source`; overrides may
    change its `apply` section.

    Raises:
        ModelError: the engine needs weights and there are none, or they cannot be used.
        ConfigError: unknown engine, preset or option.
    """
    name = engine or task.default_engine
    factory = task.load_engine(name)
    path = find_model(task, model, name)
    weights = load_model(path, task.name) if path is not None else None
    if weights is None and task.needs_weights(name):
        raise ModelError(f"No weights are shipped for the engine {name!r} of {task.name!r}; give --model RUN.")
    if source is not None and weights is not None and task.needs_weights(name):
        raise ConfigError(f"{source!r}: the model has its own configuration; change how it is applied with --set apply.NAME=VALUE.")
    config: Any = _configure(task, weights, path, source, overrides)
    # Importing torch takes seconds, which an engine without a network needs not.
    lean = bool(task.networks) and not task.needs_weights(name) and device == "auto"
    return Chosen(factory(config, weights, None if lean else pick_device(device)), name, config, weights, path)


def pick_device(device: str) -> Any:
    """Return the torch device for auto, cpu, cuda or cuda:i.

    Raises:
        ConfigError: it does not exist here.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
    except RuntimeError:
        raise ConfigError(f"--device {device!r}: must be auto, cpu, cuda or cuda:i.") from None
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"--device {device}: there is no such CUDA device here.")
    return chosen


def domain_warnings(task: Task, chosen: Chosen, examples: Columns) -> list[str]:
    """Return how these examples differ from what the model was trained on."""
    if chosen.model is None or task.domain is None or not task.needs_weights(chosen.name):
        return []
    found: Iterable[str] = task.load("domain")(examples, chosen.model.prepared)
    return list(found)


def _configure(task: Task, weights: ModelFile | None, path: Path | None, source: str | None,
               overrides: Sequence[str]) -> Any:
    if weights is None or source is not None:
        return load(task.config_class, task.presets, source, overrides)
    for item in overrides:
        if not item.startswith("apply."):
            raise ConfigError(f"--set {item!r}: the model fixes everything but the section 'apply'.")
    values = copy.deepcopy(weights.header["config"])
    try:
        # By itself first: what is wrong in the file is not the user's option.
        build(task.config_class, values, f"{path}: the model's configuration")
    except ConfigError as error:
        raise ModelError(str(error)) from None
    for item in overrides:
        override(values, item)
    return build(task.config_class, values, "the options given")
