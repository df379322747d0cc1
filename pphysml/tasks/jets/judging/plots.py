"""Figures of the scores of jets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from ....evaluation.class_calibration import Calibration
from ....evaluation.classifier_plots import (
    background_shapes,
    data_over_simulation,
    rejection_curves,
    reliability_curves,
    significance_curves,
)
from ....evaluation.data_against_simulation import Spectra
from ....evaluation.drawing import Drawings
from ....evaluation.roc import threshold
from ....evaluation.style import COLOURS, new_figure, style
from ....io.ragged import Array
from ..config import JetsConfig
from .separation import QUOTED, Separation, mass_edges

CUTS = (0.3, 0.5, 0.7)
BINS = 60


def drawings(found: list[Separation], calibrations: dict[str, Calibration], config: JetsConfig) -> Drawings:
    """Return what draws each figure."""
    wanted: dict[str, Callable[[], Figure]] = {}
    if found:
        wanted["Background rejection"] = partial(rejection_curves, {one.score: one.curve for one in found})
    for one in found:
        wanted[f"Scores, {one.score}"] = partial(score_figure, one, config)
        wanted[f"Background that passes, {one.score}"] = partial(_shapes, one, config)
    scans = {one.score: one.scan for one in found if one.scan is not None}
    if scans:
        wanted["Significance"] = partial(significance_curves, scans, QUOTED)
    if calibrations:
        wanted["Probabilities"] = partial(reliability_curves, calibrations)
    return wanted


def _shapes(one: Separation, config: JetsConfig) -> Figure:
    background = ~one.is_signal
    passed = {f"signal efficiency {efficiency:.0%}": one.values[background] >= threshold(one.curve, efficiency) for efficiency in CUTS}
    return background_shapes(one.jets.against[background, 0], passed, mass_edges(one.jets, one.is_signal), config.model.against[0], one.jets.weight[background])


@style()
def score_figure(one: Separation, config: JetsConfig) -> Figure:
    """Draw the spectra of a score."""
    figure, (axes,) = new_figure(caption=f"The score {one.score} of jets of signal and of background, each of area 1; what lies beyond is in the outermost bins.")
    finite = np.isfinite(one.values)
    ends = [np.quantile(one.values[part & finite], share) for part, share in ((one.is_signal, (0.001, 0.999)), (~one.is_signal, (0.3, 0.9995))) if (part & finite).any()]
    low, high = np.min(ends), np.max(ends)
    values = np.clip(one.values, low, high)
    bins = np.linspace(low, high, BINS + 1).tolist()
    for part, name, colour in ((~one.is_signal, " or ".join(config.data.background), COLOURS[0]), (one.is_signal, one.signal, COLOURS[4])):
        axes.hist(values[part], bins, weights=one.jets.weight[part], density=True, histtype="step", color=colour, label=name, linewidth=1.7)
    axes.set(xlabel=one.score, ylabel="share per unit", yscale="log")
    axes.legend()
    return figure


def comparison_figures(found: dict[str, Spectra], classes: list[str]) -> Drawings:
    """Return what draws data against simulation for each quantity."""
    return {f"Data against simulation, {name}": partial(data_over_simulation, one, name, classes) for name, one in found.items()}


def spectrum_figures(figures: dict[str, tuple[Array, str]], weight: Array) -> Drawings:
    """Return what draws the spectrum of each quantity.

    Args:
        figures: title -> values and their name.
    """
    wanted: dict[str, Callable[[], Figure]] = {title: partial(spectrum_figure, values, weight, name) for title, (values, name) in figures.items()}
    return wanted


@style()
def spectrum_figure(values: Array, weight: Array, name: str) -> Figure:
    """Draw the spectrum of one quantity of all jets."""
    finite = np.isfinite(values)
    low, high = np.quantile(values[finite], [0.0005, 0.9995])
    bins = np.linspace(low, high if high > low else low + 1, BINS + 1).tolist()
    figure, (axes,) = new_figure(caption=f"{name} of jets of unknown class.")
    axes.hist(values[finite], bins, weights=weight[finite], histtype="step", color=COLOURS[0], linewidth=1.7)
    axes.set(xlabel=name, ylabel="sum of weights")
    return figure
