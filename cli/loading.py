"""A word on a library that takes seconds to import, so that a terminal does not stand still meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from pphysml.interruption import is_helper

from .output import say

SLOW = "torch"


class Notice(MetaPathFinder):
    """Finds no module, but sees that one is looked for.

    Args:
        name: of the module.
        quiet: asked then whether nothing is to be said.
    """

    def __init__(self, name: str, quiet: Callable[[], bool]) -> None:
        self.name = name
        self.quiet = quiet
        self.seen = False

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Say once that the module is loaded, and leave finding it to others."""
        if fullname == self.name and not self.seen:
            self.seen = True
            if not self.quiet():
                say(f"loading {self.name}...")
        return None


@contextmanager
def noticing(quiet: Callable[[], bool]) -> Iterator[None]:
    """Say it in a terminal when torch is loaded inside the block; helper processes of a training say nothing."""
    notice = Notice(SLOW, quiet)
    if sys.stderr.isatty() and SLOW not in sys.modules and not is_helper():
        sys.meta_path.insert(0, notice)
    try:
        yield
    finally:
        if notice in sys.meta_path:
            sys.meta_path.remove(notice)
