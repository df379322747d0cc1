"""A task's configuration: presets and files, with changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..config import Source, load
from ..task import Task


def configuration(task: Task[Any], source: Source = None, overrides: Iterable[str] = ()) -> Any:
    """Return the complete configuration of a task.

    Args:
        source: preset names and paths of YAML files, layered from left to right; None for the defaults.
        overrides: strings "section.key=value".

    Raises:
        ConfigError: see `config.load`.
    """
    return load(task.config_class, task.presets, source, overrides)
