"""The tasks by name; other packages add theirs through the entry point group `pphysml.tasks`."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from .errors import ConfigError, did_you_mean
from .lazy import load_attribute

if TYPE_CHECKING:
    from .task import Task

TASKS = {
    "lcag": "pphysml.tasks.lcag.task:Lcag",
    "track": "pphysml.tasks.track.task:Track",
    "petnet": "pphysml.tasks.petnet.task:Petnet",
    "jets": "pphysml.tasks.jets.task:Jets",
}


def task_names() -> list[str]:
    """Return the names of all tasks, our own first."""
    others = sorted(e.name for e in entry_points(group="pphysml.tasks") if e.name not in TASKS)
    return [*TASKS, *others]


def get_task(name: str) -> Task[Any]:
    """Return the task of that name.

    Raises:
        ConfigError: there is no such task (the nearest names are given), or the entry point of a
            package names something else.
    """
    if name in TASKS:
        return _made(name, load_attribute(TASKS[name]))
    for entry in entry_points(group="pphysml.tasks"):
        if entry.name == name:
            return _made(name, entry.load())
    raise ConfigError(f"There is no task {name!r}.{did_you_mean(name, task_names())}")


def _made(name: str, kind: Any) -> Task[Any]:
    from .task import Task

    if not (isinstance(kind, type) and issubclass(kind, Task)):
        raise ConfigError(f"The entry point of the task {name!r} names no class derived from pphysml.task.Task, "
                          f"but a {type(kind).__name__}.")
    task: Task[Any] = kind()
    return task
