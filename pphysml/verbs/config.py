"""A task's configuration: a preset or file, with changes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ..config import load
from ..task import Task


def configuration(task: Task[Any], source: str | Path | None = None, overrides: Iterable[str] = ()) -> Any:
    """Return the complete configuration of a task.

    Args:
        source: preset name, path of a YAML file, or None for the defaults.
        overrides: strings "section.key=value".

    Raises:
        ConfigError: see `config.load`.
    """
    return load(task.config_class, task.presets, source, overrides)
