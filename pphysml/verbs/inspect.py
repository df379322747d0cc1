"""What is in ROOT files, and which tasks can read them."""

from __future__ import annotations

from typing import Any

from ..errors import InputError
from ..io.inspection import inspect as describe
from ..registry import get_task, task_names


def inspect(path: str) -> dict[str, Any]:
    """Return what a file holds and which tasks read it, see `io.inspection.inspect`, and with `collections`, see `task.Task.collections`.

    Of a file that cannot be opened, only `path` and `problems` say something.
    """
    try:
        facts = describe(path, {name: get_task(name).layouts() for name in task_names()})
    except InputError as error:
        return {"path": path, "size": None, "objects": {}, "trees": [], "metadata": None, "problems": [str(error)], "warnings": [],
                "tasks": {}, "layouts": {}, "refusals": {}, "collections": {}}
    branches = max(([branch["name"] for branch in tree["branches"]] for tree in facts["trees"]), key=len, default=[])
    return {**facts, "collections": {name: found for name in task_names() if (found := get_task(name).collections(branches))}}
