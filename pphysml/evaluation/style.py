"""One look for every figure, without a display and without pyplot's global figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PURPLE, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00"
SKY, GREY, INK = "#56B4E9", "#8A8F98", "#1F2430"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED, SKY)
"""M. Okabe, K. Ito (2008): told apart with every common kind of colour blindness."""

HEAT = "cividis"
"""Colour map of the heat maps; even in lightness, also in grey print."""

RC: Any = {
    "font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans"], "font.size": 11,
    "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK,
    "axes.labelsize": 12, "axes.titlesize": 12, "axes.titleweight": "normal",
    "axes.linewidth": 0.9, "axes.prop_cycle": cycler(color=COLOURS), "axes.axisbelow": True,
    "axes.grid": False, "grid.color": "#D9DCE1", "grid.linewidth": 0.6,
    "xtick.direction": "in", "ytick.direction": "in", "xtick.top": True, "ytick.right": True,
    "xtick.color": INK, "ytick.color": INK, "xtick.labelsize": 10.5, "ytick.labelsize": 10.5,
    "xtick.minor.visible": True, "ytick.minor.visible": True,
    "xtick.major.size": 5, "ytick.major.size": 5, "xtick.minor.size": 2.5, "ytick.minor.size": 2.5,
    "legend.frameon": False, "legend.fontsize": 10.5, "lines.linewidth": 1.7,
    "lines.markersize": 5.5, "errorbar.capsize": 0, "figure.dpi": 100, "savefig.dpi": 160,
    "figure.facecolor": "white", "savefig.facecolor": "white",
    # The same figure must give the same bytes wherever it is drawn.
    "svg.hashsalt": "pphysml", "svg.fonttype": "path", "pdf.fonttype": 42,
}


OF_THE_SESSION = ("backend", "backend_fallback", "interactive", "timezone", "date.epoch", "toolbar", "tk.", "webagg.",
                  "docstring.", "figure.raise_window", "figure.max_open_warning", "savefig.directory")
"""Settings of matplotlib that are no part of a figure's look."""

DEFAULTS: Any = {name: value for name, value in dict.items(matplotlib.rcParamsDefault) if not name.startswith(OF_THE_SESSION)}
"""How matplotlib draws where nobody has said otherwise."""


@contextmanager
def style() -> Iterator[None]:
    """Draw in the project's style inside a `with` block, or a function decorated by `@style()`.

    A user's own settings, such as those of a `matplotlibrc`, have no part in it.
    """
    with matplotlib.rc_context(DEFAULTS | RC):
        yield


def new_figure(
    width: float = 6.4, height: float = 4.4, caption: str = "", columns: int = 1, rows: int = 1,
    **options: Any,
) -> tuple[Figure, list[Axes]]:
    """Return a figure and its axes, row after row; to be called in `style`.

    Args:
        width, height: inches.
        caption: sentence that reports show under the figure (kept as the figure's label).
        options: for `Figure.subplots`, such as `width_ratios`.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.set_label(caption)
    axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.ravel())
