"""Parts that are imported when they are needed, by their name."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load_attribute(path: str) -> Any:
    """Import what "module:attribute" names; tasks declare heavy parts this way."""
    module, _, attribute = path.partition(":")
    return getattr(import_module(module), attribute)
