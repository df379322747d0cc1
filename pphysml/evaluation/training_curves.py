"""The course of a training: its figure, from the `metrics.csv` of a run folder."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, OutputError
from .drawing import drawn, warn_not_drawn
from .report import write_figures
from .result import Evaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
NOT_METRICS = ("step", "loss", "learning_rate", "steps_per_second")


def write_training_curves(metrics: Path, folder: Path) -> list[Path]:
    """Write `training.png` and `training.svg` from a `metrics.csv`; return their paths.

    Whatever goes wrong becomes a warning: a finished training is worth more than its picture.
    """
    figures = drawn(lambda: {"training": lambda: training_curves(metrics)})
    try:
        return write_figures(folder, Evaluation(figures=figures))
    except OutputError as error:
        warn_not_drawn("the figure 'training' was", error)
        return []


def training_curves(path: Path) -> Figure:
    """Draw loss and validation metrics against the step, from a run folder's `metrics.csv`.

    Raises:
        InputError: the file cannot be read or holds no numbers.
    """
    from .style import style

    with style():
        return _curves(read_metrics(path))


def _curves(columns: dict[str, tuple[Floats, Floats]]) -> Figure:
    from .style import COLOURS, INK, new_figure

    figure, (above, below) = new_figure(6.4, 6.2, rows=2, sharex=True, caption=(
        "Above, mean loss of the training batches between two rows of metrics.csv, and averaged over neighbours; "
        "below, metrics of the averaged weights on the validation examples."))
    losses = [k for k in columns if k not in NOT_METRICS and not k.startswith("validation_")]
    validation = [k for k in columns if k.startswith("validation_") and "loss" not in k]
    for colour, name in zip(COLOURS, ["loss"] * ("loss" in columns) + losses, strict=False):
        step, value = columns[name]
        above.plot(step, value, color=colour, alpha=0.25, linewidth=0.8)
        # A line through one point is none.
        above.plot(step, _smooth(value), "o" if len(step) == 1 else "-", color=colour, markersize=4, label=name.replace("_", " "))
    for name in (k for k in columns if k.startswith("validation_") and "loss" in k):
        above.plot(*columns[name], "o", color=INK, label=name.replace("_", " "))
    for colour, name in zip(COLOURS, validation, strict=False):
        below.plot(*columns[name], "o-", color=colour, markersize=4, label=name.removeprefix("validation_").replace("_", " "))
    above.set(ylabel="loss")
    below.set(xlabel="step", ylabel="validation metric")
    if all((v > 0).all() for k, (_, v) in columns.items() if "loss" in k or k in losses):
        above.set_yscale("log")
    for axes in (above, below):
        axes.grid(True)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best")
    return figure


def read_metrics(path: Path) -> dict[str, tuple[Floats, Floats]]:
    """Return name -> (steps, values) of each column of a `metrics.csv`, empty cells left out.

    Raises:
        InputError: the file cannot be read or holds no numbers.
    """
    try:
        with open(path, newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}.") from None
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        step = _number(row.get("step"))
        for name, text in row.items():
            value = _number(text)
            if isinstance(name, str) and name != "step" and np.isfinite([step, value]).all():
                found.setdefault(name, []).append((step, value))
    if not found:
        raise InputError(f"{path}: holds no column `step` with numbers beside it; is training under way?")
    return {name: (np.array(pairs)[:, 0], np.array(pairs)[:, 1]) for name, pairs in found.items()}


def _number(text: object) -> float:
    try:
        return float(text) if isinstance(text, str) else np.nan
    except ValueError:
        return np.nan


def _smooth(values: Floats) -> Floats:
    """Running mean over a twentieth of the curve; shorter at the ends."""
    half = len(values) // 40
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, len(values))
    smooth: Floats = (total[high] - total[low]) / (high - low)
    return smooth
