"""A training that is taken up again, from what its run folder has kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .. import __version__
from ..config import build
from ..errors import ConfigError, ModelError
from ..model_file import read_header
from ..task import Task
from ..training.run_folder import RunFolder
from .named_files import with_placed_files
from .training_inputs import TrainingInputs


def task_of_run(run: Path, named: str | None) -> str:
    """Return the task that a run folder trains.

    Args:
        named: the task that the user says it is, if any.

    Raises:
        ModelError: it is no run folder, or damaged.
        ConfigError: it trains another task, or is of an old version that did not keep its name.
    """
    folder = RunFolder(run)
    kept = folder.read()[1].get("task")
    if kept is not None and not isinstance(kept, str):
        raise ModelError(f"{folder.inputs}: is damaged: 'task' is no name.")
    if kept is None and folder.model.exists():
        kept = read_header(folder.model)["task"]
    if named is not None and kept is not None and named != kept:
        raise ConfigError(f"{run}: is a training of {kept!r}, not of {named!r}; leave the name of the task out.")
    task = named or kept
    if task is None:
        raise ConfigError(f"{run}: does not say which task it trains; name it, as in pphysml train TASK --resume {run}.")
    return task


def resumed_run(task: Task[Any], folder: RunFolder, code: Path | None) -> tuple[Any, TrainingInputs]:
    """Return the configuration and the inputs of a run.

    Args:
        code: file of its network, where that is one of the user's own.

    Raises:
        ModelError: it is no run folder, or damaged.
        ConfigError: the code is missing, another one, or not needed.
    """
    values, kept = folder.read()
    try:
        given = TrainingInputs.from_json(kept)
    except ValueError as error:
        raise ModelError(f"{folder.inputs}: is damaged: {error}.") from None
    if given.code is None and code is not None:
        raise ConfigError(f"--model-code {code}: {folder.path} trains no network of your own; leave it out.")
    leave = None if given.code is None else given.code.allows(code)
    try:
        config = build(task.config_class, with_placed_files(values, kept.get("folder", "")), str(folder.config), leave)
    except ConfigError as error:
        raise ModelError(str(error)) from None
    if kept.get("package_version") == __version__ and (key := _lacking(config.model_dump(mode="json"), values)):
        raise ModelError(f"{folder.config}: is not complete; it lacks {key}.")
    return config, given


def how_to_go_on(folder: RunFolder, config: Any) -> str:
    """Return what to say of a run that can be resumed."""
    own = config.own_network
    return f"go on with --resume {folder.path}" + ("" if own is None else f" --model-code {own.path}")


def _lacking(complete: dict[str, Any], values: dict[str, Any]) -> str:
    """Return the first key of a complete configuration that other values lack; empty if there is none."""
    for key, value in complete.items():
        if key not in values:
            return key
        if isinstance(value, dict) and isinstance(values[key], dict) and (below := _lacking(value, values[key])):
            return f"{key}.{below}"
    return ""
