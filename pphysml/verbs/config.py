"""A task's configuration: presets and files, with changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..config import Source, load
from ..task import Task
from ..training.config import TaskConfig


def configuration(task: Task[Any], source: Source = None, overrides: Iterable[str] = ()) -> Any:
    """Return the complete configuration of a task.

    Args:
        source: preset names and paths of YAML files, layered from left to right; None for the defaults.
        overrides: strings "section.key=value".

    Raises:
        ConfigError: see `config.load`.
    """
    named = list(overrides)
    return stating(load(task.config_class, task.presets, source, named), task.config_class(), named)


def stating(config: Any, usual: TaskConfig, overrides: Iterable[str]) -> Any:
    """Return the same configuration, whose section `apply` has as `model_fields_set` what the user states there.

    That are the options that overrides name, and those of other values than usual, as a file gives them: a
    complete configuration, as that of a model or of `pphysml config`, states nothing by having all.

    Args:
        usual: the configuration of which presets, files and overrides make this one.
    """
    apply = config.apply
    named = {item.partition("=")[0].split(".")[1] for item in overrides if item.startswith("apply.")}
    others = {name for name, value in usual.apply if value != getattr(apply, name)}
    return config.model_copy(update={"apply": type(apply).model_construct(named | others, **dict(apply))})
