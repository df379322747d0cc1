"""What is in ROOT files, and which tasks can read them."""

from __future__ import annotations

from typing import Any

from ..io.inspection import default_layout, matches
from ..io.inspection import inspect as describe
from ..registry import get_task, task_names


def inspect(path: str) -> dict[str, Any]:
    """Return what a file holds, see `io.inspection.inspect`, and which tasks read it.

    Returns:
        Besides, `tasks`: task -> layout -> required fields that it lacks; `layouts`: task -> the layout that
        is taken unless --layout names another, or None.

    Raises:
        InputError: the file cannot be opened.
    """
    layouts = {name: get_task(name).layouts() for name in task_names()}
    return {**describe(path), "tasks": {name: matches(path, them) for name, them in layouts.items()},
            "layouts": {name: default_layout(path, them) for name, them in layouts.items()}}
