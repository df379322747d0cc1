"""Figures that cannot be drawn cost themselves and a warning, and never what they show."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawings = Mapping[str, Callable[[], "Figure"]]
"""Title -> what draws the figure."""


def drawn(drawings: Callable[[], Drawings]) -> dict[str, Figure]:
    """Return title -> figure of those that can be drawn, and warn of the others.

    Args:
        drawings: imports what draws, and says what there is to be drawn.
    """
    try:
        load_matplotlib()
        wanted = drawings()
    except Exception as error:
        warn_not_drawn("the figures were", error)
        return {}
    figures = {}
    for title, draw in wanted.items():
        try:
            figures[title] = draw()
        except Exception as error:
            warn_not_drawn(f"the figure {title!r} was", error)
    return figures


def warn_not_drawn(what: str, error: Exception) -> None:
    """Warn of figures that were not drawn; the same warning is shown once."""
    warnings.warn(f"{what} not drawn: {type(error).__name__}: {error}", RuntimeWarning, stacklevel=1)


def load_matplotlib() -> None:
    """Import matplotlib, whatever backend or file of settings the user's environment names."""
    try:
        import matplotlib
    except (ValueError, OSError):  # UnicodeDecodeError is a ValueError
        named = {name: os.environ.pop(name) for name in ("MPLBACKEND", "MATPLOTLIBRC") if name in os.environ}
        # Parts that were imported before it failed would be taken for whole ones.
        for module in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
            del sys.modules[module]
        try:
            import matplotlib  # noqa: F401
        finally:
            os.environ.update(named)
