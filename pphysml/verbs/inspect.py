"""What is in ROOT files, and which tasks can read them."""

from __future__ import annotations

from typing import Any

from ..io.inspection import inspect as describe
from ..io.inspection import matches
from ..registry import get_task, task_names


def inspect(path: str) -> dict[str, Any]:
    """Return what a file holds, see `io.inspection.inspect`, and `tasks`: task -> layout -> required fields that it lacks.

    Raises:
        InputError: the file cannot be opened.
    """
    tasks = {name: matches(path, get_task(name).layouts()) for name in task_names()}
    return {**describe(path), "tasks": tasks}
