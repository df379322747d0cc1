"""Export a trained model in one of the formats that its task offers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..atomic_files import check_target, write_files
from ..errors import ConfigError, ModelError, did_you_mean
from ..model_file import ModelFile, load_model
from ..task import Task
from .engine_choice import find_model, shipped_models


def check_format(task: Task[Any], format: str) -> None:
    """Refuse a format that a task does not offer, of weights or of data; the nearest names are given.

    Raises:
        ConfigError: there is no such format.
    """
    if format not in {*task.exports, *task.data_exports}:
        offered = [*(f"{name} (weights)" for name in task.exports),
                   *(f"{name} ({what})" for name, what in task.data_exports.items())]
        raise ConfigError(f"Task {task.name!r} offers no format {format!r}, but {', '.join(offered)}."
                          f"{did_you_mean(format, (*task.exports, *task.data_exports))}")


def export(task: Task[Any], *, model: str | None, output: Path, format: str, code: Path | None = None,
           force: bool = False) -> dict[str, Any]:
    """Write a model to `output`, and what its format has beside it; return a summary.

    Args:
        format: one of `task.exports`.
        code: file of the model's network, where that is one of the user's own.

    Raises:
        ConfigError: the task does not offer the format, a file exists, or a package is missing.
        ModelError: there is no model.
        OutputError: the files could not be written; none is then half written.
    """
    check_format(task, format)
    chosen = task.exports[format]
    check_target(output, force)
    paths = [output, *(output.with_name(output.stem + end) for end in chosen.beside)]
    for path in paths[1:]:
        check_target(path, force)
    source = find_model(task, model)
    if source is None:
        known = ", ".join(shipped_models(task))
        shipped = f", or one of those that are shipped: {known}" if known else ""
        raise ModelError(f"Task {task.name!r} has no default weights; give --model RUN{shipped}.")
    weights = load_model(source, task.name, code)
    _refuse_other(task, weights)
    contents = task.export(format, weights)
    write_files(dict(zip(paths, contents, strict=True)))
    beside = {"beside": [str(path) for path in paths[1:]]} if chosen.beside else {}
    note = {"note": chosen.note} if chosen.note else {}
    return {"model": str(source), "output": str(output), "format": format, "bytes": len(contents[0]), **beside, **note}


def _refuse_other(task: Task[Any], weights: ModelFile) -> None:
    """Refuse a model that could not be applied, which is not worth a copy.

    Raises:
        ModelError: its configuration, its weights or what is stored beside them are others.
    """
    from ..nn.network_weights import with_weights

    learner = task.learner(weights.configuration(task.config_class))
    task.check_stored(weights)
    with_weights(lambda: learner.build(weights.prepared), weights)
