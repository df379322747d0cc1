"""Numba without the linear algebra that it loads at its start, and that no compiled loop of ours needs.

When numba loads what arrays can do, it imports scipy.linalg only to see that it is there: a seventh of the start of a short run.
Functions that multiply matrices import it by themselves when they are compiled or called.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType

LOOKING = "numba.np.arraymath"
"""The module that looks whether linear algebra is there."""

LOOKED_FOR = "scipy.linalg.cython_blas"


class _Unlooked(SourceFileLoader):
    """Loads a module that takes what it looks for to be there."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module; what stands for scipy's module is gone when it has run."""
        if LOOKED_FOR in sys.modules:
            super().exec_module(module)
            return
        sys.modules[LOOKED_FOR] = ModuleType(LOOKED_FOR)
        try:
            super().exec_module(module)
        finally:
            del sys.modules[LOOKED_FOR]


class _Finder(MetaPathFinder):
    """Finds the module that looks, to load it so."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Return where the module is; None of any other."""
        if fullname != LOOKING:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Unlooked(fullname, spec.loader.path)
        return spec


def start_without_linear_algebra() -> None:
    """Let numba start so; it must be called before the first compiled function is."""
    if LOOKING not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
