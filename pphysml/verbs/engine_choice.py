"""Choosing the engine, the model and the configuration that applying and evaluating use."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any

from ..config import Config, Source, build, layers_of, override, put_on, read_layers
from ..contract import Engine
from ..errors import ConfigError, ModelError, did_you_mean
from ..io.ragged import Columns
from ..model_file import ModelFile, load_model
from ..task import Task
from ..training.config import InputConfig
from .config import configuration, stating


@dataclass(frozen=True)
class EngineChoice:
    """What a user says of the method, and of what it is made from.

    Attributes:
        model: run folder, weights file, or name of a shipped model; None for those that the engine takes.
        engine: its name; None for the task's default.
        source: presets and files of the configuration; with a model, what they say of the section `apply` and of
            data.map (see `InputConfig.changeable`) is taken; the rest of `data`, and `model`, must be as they are in the
            model, and how it would be trained or its data simulated has no part in it.
        overrides: changes "key=value"; with a model, of the section `apply` and of data.map and its like only.
        device: auto, cpu, cuda or cuda:i.
        code: file of the model's network, where that is one of the user's own.
    """

    model: str | None = None
    engine: str | None = None
    source: Source = None
    overrides: Sequence[str] = ()
    device: str = "auto"
    code: Path | None = None


@dataclass(frozen=True)
class Chosen:
    """An engine ready to run, and what it was made from.

    Attributes:
        make: makes another one of the kind, which has seen nothing.
    """

    engine: Engine
    name: str
    config: Any
    model: ModelFile | None
    model_path: Path | None
    make: Callable[[], Engine]

    def made_anew(self) -> Chosen:
        """Return the same with an engine that has seen nothing."""
        return replace(self, engine=self.make())

    @property
    def usual_map(self) -> set[str]:
        """Names whose branches are those of the model's training."""
        kept = self.model.header["config"].get("data", {}).get("map", {}) if self.model is not None else {}
        return {name for name, branch in self.config.data.map.items() if kept.get(name) == branch}

    @property
    def usual_layout(self) -> str | None:
        """The layout of the files of the model's training; None where they were simulated on the fly."""
        layout: str | None = (self.model.header.get("training_data") or {}).get("layout") if self.model is not None else None
        return layout


def shipped_models(task: Task[Any]) -> dict[str, Path]:
    """Return the weights files in the package by preset name, those that exist."""
    if not task.weights:
        return {}
    folder = resources.files(task.weights_package)
    paths = {name: Path(str(folder.joinpath(file))) for name, file in task.weights.items()}
    return {name: path for name, path in paths.items() if path.exists()}


def find_model(task: Task[Any], model: str | None, engine: str | None = None) -> Path | None:
    """Return the weights that a user means: a path, a shipped model's name, or those that an engine takes.

    Raises:
        ModelError: there is nothing of that name; the nearest names are given.
    """
    shipped = shipped_models(task)
    if model is None and task.networks:
        return shipped.get(task.networks.get(engine or task.default_engine, ""))
    if model is None:
        return next(iter(shipped.values()), None)
    if os.path.exists(model):
        return Path(model)
    if model not in shipped:
        names = did_you_mean(model, shipped).replace(" There is:", " Shipped are:")
        raise ModelError(f"{model}: there is no such weights file or run folder, and no model of that name is shipped.{names}")
    return shipped[model]


def choose(task: Task[Any], choice: EngineChoice | None = None) -> Chosen:
    """Make an engine; by default the task's default one, with what is shipped.

    The configuration is that of the model, else that of the preset or file; overrides may change its
    `apply` section.

    Raises:
        ModelError: the engine needs weights and there are none, or they cannot be used.
        ConfigError: unknown engine, preset or option.
    """
    choice = choice or EngineChoice()
    name = choice.engine or task.default_engine
    task.check_engine(name)
    choice = replace(choice, overrides=[*choice.overrides, *task.engine_options(name)])
    path = find_model(task, choice.model, name)
    if path is None and choice.code is not None:
        raise ConfigError(f"--model-code {choice.code}: there is no model whose network it could be; leave it out.")
    if choice.code is not None and choice.engine is None and not task.needs_weights(name):
        networks = ", ".join(engine for engine in task.engines if task.needs_weights(engine))
        raise ConfigError(f"--model-code {choice.code}: the default engine {name!r} takes no network; give --engine, one of {networks}.")
    weights = load_model(path, task.name, choice.code) if path is not None else None
    if weights is None and task.needs_weights(name):
        raise ModelError(f"No weights are shipped for the engine {name!r} of {task.name!r}; give --model RUN.")
    config = _configure(task, weights if task.needs_weights(name) or not layers_of(choice.source) else None, choice)
    if weights is not None:
        task.check_stored(weights)
    # Importing torch takes seconds, which an engine without a network needs not.
    lean = bool(task.networks) and not task.needs_weights(name) and choice.device == "auto"
    make = partial(task.engine, name, config, weights, None if lean else pick_device(choice.device))
    return Chosen(make(), name, config, weights, path, make)


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


def shipped_configuration(task: Task[Any], source: Source, overrides: Sequence[str]) -> Any:
    """Return the configuration of presets and files with changes; without one, that of the weights that applying takes.

    Raises:
        ConfigError: unknown preset or option.
    """
    path = None if layers_of(source) else find_model(task, None)
    if path is None:
        return configuration(task, source, overrides)
    return _changed(task, load_model(path, task.name), overrides)


def has_domain(task: Task[Any], chosen: Chosen) -> bool:
    """Return whether an engine has ranges that data can be outside of."""
    return chosen.model is not None and task.needs_weights(chosen.name) and task.has_domain(chosen.model.prepared)


def domain_warnings(task: Task[Any], chosen: Chosen, examples: Columns) -> list[str]:
    """Return how these examples differ from what the model was trained on."""
    if chosen.model is None or not task.needs_weights(chosen.name):
        return []
    return task.domain(examples, chosen.model.prepared, chosen.config)


def simulation_warnings(task: Task[Any], chosen: Chosen, layout: str) -> list[str]:
    """Return what is to be said where a model of simulated data is applied to files of a layout that the simulation does not write."""
    if chosen.model is None or not task.needs_weights(chosen.name) or layout == task.layouts()[0].name:
        return []
    simulated = (chosen.model.header.get("training_data") or {}).get("simulated")
    return [task.simulation_note] if simulated and task.simulation_note else []


def _configure(task: Task[Any], weights: ModelFile | None, choice: EngineChoice) -> Any:
    if weights is None:
        return configuration(task, choice.source, choice.overrides)
    for item in choice.overrides:
        if not item.startswith(("apply.", *(f"data.{name}{mark}" for name in _changeable(task) for mark in ".="))):
            raise ConfigError(f"--set {item!r}: the model fixes everything but the section 'apply'{_named(task)}.")
    return _changed(task, weights, choice.overrides, _of_applying(task, weights, choice))


def _changed(task: Task[Any], weights: ModelFile, overrides: Sequence[str], layer: Mapping[str, Any] = {}) -> Any:
    """Return a model's configuration with changes: a layer on it, then single ones."""
    # By itself first: what is wrong in the file is not the user's option.
    usual = weights.configuration(task.config_class)
    values = copy.deepcopy(weights.header["config"])
    put_on(values, layer)
    for item in overrides:
        override(values, item)
    return stating(build(task.config_class, values, "the options given", weights.code), usual, overrides)


def _of_applying(task: Task[Any], weights: ModelFile, choice: EngineChoice) -> dict[str, Any]:
    """Return what presets and files say of applying a model.

    Raises:
        ConfigError: they say of the input or the network what is not so in the model.
    """
    source = choice.source
    if not layers_of(source):
        return {}
    given, config = read_layers(task.presets, source), configuration(task, source)
    asked, made = (each.model_dump(mode="json") for each in (config, weights.configuration(task.config_class)))
    sections = {name: dict(given.get(name) or {}) for name in ("data", "model")}
    reading = {name: sections["data"].pop(name) for name in _changeable(task) if name in sections["data"]}
    other = next((key for key in _keys(config, sections) if _at(asked, key) != _at(made, key)), None)
    if other is not None:
        key, where = ".".join(other), " with ".join(map(str, layers_of(source)))
        shipped = next((f"; the weights of that preset are --model {name}" for name in layers_of(source) if name in shipped_models(task)), "")
        if not shipped and choice.model is None:
            shipped = f"; the model is the one that ships, and others must be trained: `pphysml train {task.name} FILES -c ... -o RUN`, then --model RUN"
        raise ConfigError(f"{where}: has {key}={_at(asked, other)}, but the model was made with {_at(made, other)}: "
                          f"with a model, -c changes the section 'apply'{_named(task)} only{shipped}.")
    return {"apply": given.get("apply") or {}, "data": reading}


def _changeable(task: Task[Any]) -> tuple[str, ...]:
    """Return the options of the section `data` that say how a file is read, not what a network takes."""
    section: type[InputConfig] = type(task.config_class().data)
    return section.changeable


def _named(task: Task[Any]) -> str:
    names = [f"data.{name}" for name in _changeable(task)]
    return f" and {names[0]}" if len(names) == 1 else f", {', '.join(names[:-1])} and {names[-1]}"


def _keys(config: Config, values: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the place of every option among values that are given for a configuration."""
    for name, value in values.items():
        option = getattr(config, name)
        if isinstance(option, Config):
            yield from _keys(option, value or {}, (*above, name))
        else:
            yield (*above, name)


def _at(values: Any, place: tuple[str, ...]) -> Any:
    for name in place:
        values = values[name]
    return values
