"""Figures of tracks without truth: spectra, range against the last layer, the calibration of WEPL."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ....evaluation.drawing import Drawings
from ....evaluation.peak import gaussian_peak
from ....evaluation.report import MINUS
from ....evaluation.style import BLUE, GREY, INK, ORANGE, new_figure, style
from .calibration_fit import CalibrationFit
from .spectra import USABLE, quantity
from .track_metrics import Counts
from .wepl_metrics import median_and_width

BINS = 120


def spectrum_figures(tracks: Counts, calibration: CalibrationFit | None) -> Drawings:
    """Return title -> what draws it, of whatever can be drawn."""
    name = quantity(tracks)
    drawings: dict[str, Callable[[], Figure]] = {}
    if np.isfinite(tracks[name][tracks["usable"]]).sum() > 1:
        drawings["Spectrum of WEPL" if name == "wepl" else "Spectrum of the range"] = partial(spectrum_figure, tracks, name)
        drawings["Range against the last layer"] = partial(layer_figure, tracks)
    if calibration is not None:
        drawings["Calibration of WEPL"] = partial(calibration_figure, calibration)
    return drawings


@style()
def spectrum_figure(tracks: Counts, name: str) -> Figure:
    """Draw WEPL or range of all tracks and of those that can be used, with the Gaussian of the highest peak."""
    shown = "WEPL" if name == "wepl" else "range"
    values = tracks[name].astype(np.float64)
    known = np.isfinite(values)
    used = values[known & tracks["usable"]]
    low, high = np.quantile(used, [0.002, 0.998])
    edges = np.linspace(low - 0.1 * (high - low) - 1, high + 0.1 * (high - low) + 1, BINS + 1)
    width = edges[1] - edges[0]
    figure, (axes,) = new_figure(caption=(
        f"{shown} of all tracks, and of {USABLE}; the outermost bins hold all beyond. The curve is the Gaussian of the highest "
        "peak, fitted inside two of its widths."))
    for chosen, colour, label in ((values[known], GREY, "all tracks"), (used, BLUE, "usable")):
        axes.hist(np.clip(chosen, edges[0], edges[-1]), edges.tolist(), histtype="step", color=colour, linewidth=1.5, label=f"{label}: {len(chosen)}")
    peak = gaussian_peak(used)
    if peak is not None:
        x = np.linspace(peak.middle - 3 * peak.width, peak.middle + 3 * peak.width, 200)
        height = peak.n / 0.9545 * width / (np.sqrt(2 * np.pi) * peak.width)
        axes.plot(x, height * np.exp(-0.5 * ((x - peak.middle) / peak.width) ** 2), color=ORANGE,
                  label=f"peak {peak.middle:.2f} ± {peak.middle_error:.2f} mm,\nwidth {peak.width:.2f} ± {peak.width_error:.2f} mm".replace("-", MINUS))
    axes.set(xlabel=f"{shown} [mm]", ylabel=f"tracks / {width:.2g} mm", xlim=(edges[0], edges[-1]))
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    axes.legend(loc="upper left")
    return figure


@style()
def layer_figure(tracks: Counts) -> Figure:
    """Draw the range against the layer of the last hit, above how many tracks end there."""
    used = tracks["usable"] & np.isfinite(tracks["range"])
    layers = np.unique(tracks["layer"][used])
    found = np.array([median_and_width(tracks["range"][used & (tracks["layer"] == layer)]) for layer in layers])
    figure, (axes, below) = new_figure(5.4, 5.8, rows=2, height_ratios=(2.2, 1), sharex=True, caption=(
        "Median of the range (water-equivalent depth behind the phantom) of usable tracks against the layer of their last hit, with half the width "
        "of the central 68 %; below, how many tracks end in each layer."))
    axes.errorbar(layers, found[:, 0], found[:, 1], fmt="o", color=BLUE, markersize=3)
    axes.set(ylabel="range [mm]", ylim=(0, None))
    for chosen, colour, label in ((np.ones_like(used), GREY, "all tracks"), (used, BLUE, "usable")):
        counts = np.bincount(tracks["layer"][chosen])
        below.stairs(counts, np.arange(len(counts) + 1) - 0.5, color=colour, label=label)
    below.set(xlabel="layer of the last hit", ylabel="tracks", ylim=(0, None))
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    below.legend(loc="upper left")
    return figure


@style()
def calibration_figure(fit: CalibrationFit) -> Figure:
    """Draw true less measured WEPL of each run against the measured one, with the fitted line, above what is left."""
    figure, (axes, below) = new_figure(5.4, 5.8, rows=2, height_ratios=(2.2, 1), sharex=True, caption=(
        "Known thickness less the peak of the measured WEPL, of each run of a known phantom, and the fitted calibration; below, what it leaves. Bars: errors of the peaks."))
    axes.errorbar(fit.measured, fit.true - fit.measured, fit.error, fmt="o", color=BLUE)
    x = np.linspace(fit.measured.min() - 5, fit.measured.max() + 5, 2)
    axes.plot(x, fit.offset + (fit.slope - 1) * x, color=ORANGE, label=f"offset {fit.offset:.2f} mm, slope {fit.slope:.4f}".replace("-", MINUS))
    axes.set(ylabel=f"true {MINUS} measured [mm]")
    # Room for the legend above the bars.
    axes.margins(y=0.25)
    axes.legend(loc="upper left")
    below.errorbar(fit.measured, fit.residual, fit.error, fmt="o", color=BLUE)
    below.axhline(0, color=INK, linewidth=0.8)
    below.set(xlabel="measured WEPL [mm]", ylabel="left [mm]")
    return figure
