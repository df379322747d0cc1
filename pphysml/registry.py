"""The tasks by name; other packages add theirs through the entry point group `pphysml.tasks`."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from .errors import ConfigError, did_you_mean
from .lazy import load_attribute

if TYPE_CHECKING:
    from .task import Task

TASKS = {
    "lcag": "pphysml.tasks.lcag.task:TASK",
    "track": "pphysml.tasks.track.task:TASK",
    "petnet": "pphysml.tasks.petnet.task:TASK",
}


def task_names() -> list[str]:
    """Return the names of all tasks, our own first."""
    others = sorted(e.name for e in entry_points(group="pphysml.tasks") if e.name not in TASKS)
    return [*TASKS, *others]


def get_task(name: str) -> Task:
    """Return the task of that name.

    Raises:
        ConfigError: there is no such task; the nearest names are given.
    """
    if name in TASKS:
        task: Task = load_attribute(TASKS[name])
        return task
    for entry in entry_points(group="pphysml.tasks"):
        if entry.name == name:
            loaded: Task = entry.load()
            return loaded
    raise ConfigError(f"There is no task {name!r}.{did_you_mean(name, task_names())}")
