"""Data of other programs, written as a ROOT file in the layout that a task reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError, did_you_mean
from ..io.ragged import length
from ..io.writer import Writer
from ..progress import Progress, Silent
from ..task import Task


def import_files(
    task: Task[Any],
    inputs: Sequence[str],
    output: Path,
    *,
    format: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write files of another format as entries of a task's first layout, and return a summary.

    Args:
        inputs: files or folders, as the format has them.
        output: ROOT file; it appears when it is complete.
        format: a name in `task.importers`; None takes the only one.
        force: overwrite an existing file.

    Raises:
        ConfigError: the task has no such format.
        InputError: the inputs are not of that format; no output is left.
        OutputError: the output cannot be written.
    """
    progress = progress or Silent()
    chosen = _importer(task, format)
    layout = task.layouts()[0]
    tree = layout.trees[0] if layout.trees else "events"
    metadata = {"task": task.name, "imported": chosen, "inputs": list(inputs), "layout": layout.name}
    with Writer(output, tree, layout.fields, metadata=metadata, force=force, inputs=inputs) as writer:
        progress.start(f"import {task.name}: {chosen}", None, "entry")
        for columns in task.import_files(chosen, inputs):
            writer.extend(columns)
            progress.advance(length(columns))
    return {"output": str(output), "tree": tree, "layout": layout.name, "format": chosen, "entries": writer.n_entries}


def _importer(task: Task[Any], name: str | None) -> str:
    if not task.importers:
        raise ConfigError(f"Task {task.name!r} imports nothing; it reads ROOT files only.")
    if name is None and len(task.importers) > 1:
        raise ConfigError(f"Task {task.name!r} imports several formats; give --format {' or '.join(task.importers)}.")
    name = name or task.importers[0]
    if name not in task.importers:
        raise ConfigError(f"Task {task.name!r} imports no format {name!r}.{did_you_mean(name, task.importers)}")
    return name
