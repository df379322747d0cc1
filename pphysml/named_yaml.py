"""YAML files that ship with the package and are called by name, or lie elsewhere and are called by path."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from typing import Any

from . import plain_yaml
from .errors import ConfigError, did_you_mean, shortened


def names(package: str) -> list[str]:
    """Return the names of the YAML files in a package."""
    return sorted(Path(f.name).stem for f in resources.files(package).iterdir() if f.name.endswith(".yaml"))


def text(package: str, name: str) -> str:
    """Return the content of one of them."""
    return resources.files(package).joinpath(f"{name}.yaml").read_text()


def settings(package: str, source: str | Path, what: str, keys: str) -> dict[str, Any]:
    """Return the values of a YAML file of the package by name, or of any by path.

    Args:
        what: it is a file of, as "scanner"; errors say so.
        keys: what is in such files, for the error about one that holds something else.

    Raises:
        ConfigError: there is no such name or file, or it holds no keys with values.
    """
    path = str(source)
    if path in names(package):
        values: Any = plain_yaml.parse(text(package, path), path)
    elif os.path.lexists(path):
        values = plain_yaml.load(path)
    else:
        raise ConfigError(f"There is no {what} {shortened(path)!r}, neither a file nor a name.{did_you_mean(path, names(package))}")
    if not isinstance(values, dict):
        raise ConfigError(f"{source}: holds no settings of a {what} ({keys}).")
    return values
