"""Names of files that were given in another working folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..io.sources import is_remote

SETTINGS = (".yaml", ".yml")
"""Files that a configuration names: geometries, scanners, templates, topologies."""


def placed(names: Iterable[str], folder: str) -> list[str]:
    """Return names of files in a folder as they are from here."""
    there = _is_elsewhere(folder)
    return [os.path.join(folder, name) if there and not is_remote(name) else name for name in names]


def with_placed_files(values: Any, folder: str) -> Any:
    """Return values of a configuration that was made in a folder, with the files that it names as they are from here."""
    if isinstance(values, dict):
        return {with_placed_files(key, folder): with_placed_files(value, folder) for key, value in values.items()}
    if isinstance(values, list):
        return [with_placed_files(value, folder) for value in values]
    named = isinstance(values, str) and values.endswith(SETTINGS) and _is_elsewhere(folder)
    return os.path.join(folder, values) if named and os.path.isfile(os.path.join(folder, values)) else values


def _is_elsewhere(folder: str) -> bool:
    return folder not in ("", os.getcwd()) and os.path.isdir(folder)
