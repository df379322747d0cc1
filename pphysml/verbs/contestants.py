"""Who is compared in one evaluation: engines, each network with every model that is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError, ModelError
from ..model_file import locate, read_header
from ..own_network import recorded
from ..task import Task
from .engine_choice import Chosen, EngineChoice, choose, find_model


@dataclass(frozen=True)
class Contestant:
    """One column of the comparison.

    Attributes:
        name: what it is called in tables, files and the report.
        note: what a reader should know of it, or "".
    """

    name: str
    choice: EngineChoice
    note: str = ""


def contestants(task: Task[Any], choice: EngineChoice, engines: Sequence[str], models: Sequence[str]) -> list[Contestant]:
    """Return the engines by name, and networks once per model, if there are several: `network-first`, `network-second`.

    What is no network has the configuration of the first model.

    Raises:
        ConfigError: an engine or a model is named twice, or there is no such engine.
        ModelError: there is no such model.
    """
    engines = engines or (choice.engine or task.default_engine,)
    for name in engines:
        task.check_engine(name)
        if engines.count(name) > 1:
            raise ConfigError(f"--engine {name} is given twice; an engine is compared with others, not with itself.")
    if len(models) < 2:
        model = next(iter(models), choice.model)
        return [Contestant(_file_name(name), replace(choice, engine=name, model=model)) for name in engines]
    if not any(map(task.needs_weights, engines)):
        raise ConfigError(f"--model: {' and '.join(engines)} takes no weights, so that there is one model to give, not {len(models)}.")
    names, choices = model_names(task, models), _with_code(task, choice, models)
    return [entrant for name in engines for entrant in _of_engine(task, name, names, choices)]


def chosen_contestants(task: Task[Any], entrants: Sequence[Contestant]) -> list[tuple[Contestant, Chosen]]:
    """Return the contestants with their engines, ready to run.

    Of several networks that take other weights each, those that a model is not of are left out for it.

    Raises:
        ModelError: a model is of none of the engines, or an engine has no model; or as `engine_choice.choose`.
    """
    networks = {entrant.choice.engine for entrant in entrants if task.needs_weights(str(entrant.choice.engine))}
    if len(networks) < 2 or len({entrant.choice.model for entrant in entrants}) < 2:
        return [(entrant, choose(task, entrant.choice)) for entrant in entrants]
    field: list[tuple[Contestant, Chosen]] = []
    refused: list[tuple[EngineChoice, ModelError]] = []
    for entrant in entrants:
        try:
            field.append((entrant, choose(task, entrant.choice)))
        except ModelError as error:
            refused.append((entrant.choice, error))
    models = {entrant.choice.model for entrant, _ in field}
    engines = {entrant.choice.engine for entrant, _ in field}
    for choice, reason in refused:
        if choice.model not in models or choice.engine not in engines:
            raise reason
    return field


def model_names(task: Task[Any], models: Sequence[str]) -> list[str]:
    """Return a short name of each model that no other has: the last parts of its path, as many as are needed.

    Raises:
        ConfigError: a model is named twice.
        ModelError: there is no such model.
    """
    paths: list[Path] = []
    for model in models:
        path = locate(find_model(task, model) or Path(model)).resolve()
        if path in paths:
            raise ConfigError(f"--model {model} is given twice; a model is compared with others, not with itself.")
        paths.append(path)
    # Every run folder has a file of the same name.
    parts = [(path.parent if path.name == "model.safetensors" else path.with_suffix("")).parts for path in paths]
    if len(set(parts)) < len(parts):
        parts = [path.parts for path in paths]
    length = next(n for n in range(1, 2 + max(map(len, parts))) if len({part[-n:] for part in parts}) == len(parts))
    return ["-".join(part[-length:]).strip("/") for part in parts]


def _file_name(engine: str) -> str:
    """Return an engine's name as files may have it."""
    return re.sub(r"[^\w.+-]+", "_", engine).strip("_")


def _of_engine(task: Task[Any], engine: str, names: Sequence[str], choices: Sequence[EngineChoice]) -> Iterator[Contestant]:
    if not task.needs_weights(engine):
        yield Contestant(_file_name(engine), replace(choices[0], engine=engine), f"{engine} has the configuration of the model {names[0]}.")
        return
    for name, choice in zip(names, choices, strict=True):
        yield Contestant(f"{engine}-{name}", replace(choice, engine=engine))


def _with_code(task: Task[Any], choice: EngineChoice, models: Sequence[str]) -> list[EngineChoice]:
    """Return a choice for each model; the code of a network of the user's own is for those that have one."""
    own = {model: recorded(read_header(find_model(task, model) or Path(model))) is not None for model in models}
    return [replace(choice, model=model, code=choice.code if own[model] or not any(own.values()) else None) for model in models]
