"""Find every problem of input files, those that a task alone can see among them."""

from __future__ import annotations

from typing import Any

from ..io.problems import Problem
from ..io.validation import Check
from ..io.validation import validate as find_problems
from ..task import Task
from ..training.config import TaskConfig
from .inputs import Inputs


def validate(task: Task[Any], inputs: Inputs, config: TaskConfig, need_truth: bool = False) -> list[Problem]:
    """Return every problem of the files, which are read whole; see `io.validation.validate`.

    Args:
        config: says which further branches are read, and how examples are made.
        need_truth: whether the truth that training and evaluating need must be there.

    Raises:
        InputError: no file matches a name.
        ConfigError: a mapping or a layout that the task does not have.
    """
    check = Check(lambda chunk, carry: task.assemble(chunk, carry, config), across=task.spans_entries)
    return find_problems(inputs.sources(), task.layouts_for(config), mapping=inputs.mapped(config), extra=config.extra_branches(), need_truth=need_truth,
                         check=check, layout=inputs.layout)
