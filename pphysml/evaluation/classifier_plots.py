"""Figures that every classifier has: rejection, background before and after a cut, significance, calibration, data over simulation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .class_calibration import Calibration
from .data_against_simulation import Spectra
from .mass_fit import Scan, Uncertainty
from .roc import FEW, Roc, auc, rejection
from .style import COLOURS, GREY, INK, new_figure, style
from .uncertainty import wilson

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CURVE = np.concatenate([np.arange(0.02, 0.3, 0.02), np.arange(0.3, 1.0, 0.035)])
"""Signal efficiencies of the points of a curve."""

WELL_FILLED = 0.25
"""Background of a bin over the mean of all bins, above which its efficiency is surely inside the axis."""

STEEP = 100.0
"""Largest content of a bin over the median of all, from which on a spectrum is drawn logarithmically."""

LINES = ("-", "--", ":", "-.")
"""Of several uncertainties of one score."""


@style()
def rejection_curves(curves: Mapping[str, Roc]) -> Figure:
    """Draw the background rejection of scores against the signal efficiency, with 68 % bands.

    Args:
        curves: name of the score -> its ROC curve.
    """
    figure, (axes,) = new_figure(caption=(
        "Background rejection against signal efficiency, with bands of one standard deviation; open triangles are lower"
        f" bounds at 95 % confidence, where fewer than {FEW} background jets pass. The dotted line is a score that knows"
        " nothing."))
    for colour, (name, curve) in zip(cycle(COLOURS), curves.items()):
        points = [rejection(curve, efficiency) for efficiency in CURVE]
        known = [point for point in points if not point.few]
        bounds = [point for point in points if point.few]
        x = [point.efficiency for point in known]
        low, high = [point.low for point in known], [point.high for point in known]
        axes.plot(x, [point.value for point in known], color=colour, label=f"{name}, AUC {auc(curve).value:.4f}")
        axes.fill_between(x, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.plot([point.efficiency for point in bounds], [point.bound for point in bounds], "^",
                  color=colour, markerfacecolor="none")
    axes.plot(CURVE, 1 / CURVE, color=GREY, linestyle=":", linewidth=1.1)
    axes.set(xlabel="signal efficiency", ylabel="background rejection", yscale="log", xlim=(0, 1))
    axes.legend(loc="upper right")
    return figure


@style()
def background_shapes(
    values: ArrayLike, passed: Mapping[str, NDArray[np.bool_]], edges: ArrayLike, label: str,
    weights: ArrayLike | None = None,
) -> Figure:
    """Draw the spectrum of background jets, and of those that pass cuts, each of area 1; below, the efficiency.

    Args:
        values: of background jets, as their mass in GeV, (n,).
        passed: name of a cut -> whether each jet passes, (n,).
        edges: of the bins, rising.
        label: of the axis.
        weights: of either sign, (n,).
    """
    e, v = np.asarray(edges, float), np.asarray(values, float)
    w = np.ones(len(v)) if weights is None else np.asarray(weights, float)
    figure, (above, below) = new_figure(5.8, 5.8, rows=2, height_ratios=(2.2, 1), sharex=True, caption=(
        "Background before and after cuts, each spectrum of area 1; below, the background efficiency, over its mean. A flat"
        " one does not sculpt."))
    everything = np.histogram(v, e, weights=w)[0]
    above.stairs(everything / (np.diff(e) * everything.sum()), e, color=INK, label="all", linewidth=1.5)
    tops = [2.0]
    for colour, (name, flag) in zip(cycle(COLOURS), passed.items()):
        content, square = (np.histogram(v[flag], e, weights=x[flag])[0] for x in (w, w**2))
        if not content.sum() > 0:
            continue
        above.stairs(content / (np.diff(e) * content.sum()), e, color=colour, label=name, linewidth=1.5)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = content / everything * everything.sum() / content.sum()
            error = np.abs(np.sqrt(square) / everything * everything.sum() / content.sum())
        below.errorbar((e[1:] + e[:-1]) / 2, share, error, fmt="o", color=colour, markersize=3.5, elinewidth=1.2)
        # Bins in which there is hardly any background would hide the others.
        well = share[(everything > WELL_FILLED * everything.mean()) & np.isfinite(share)]
        tops.append(float(well.max(initial=0)))
    below.axhline(1, color=GREY, linestyle="--", linewidth=1.1)
    below.set_ylim(0, 1.1 * max(tops))
    above.set(ylabel="share of jets per unit")
    above.set_ylim(bottom=0)
    above.legend()
    below.set(xlabel=label, ylabel="efficiency / mean", xlim=(e[0], e[-1]))
    return figure


@style()
def significance_curves(scans: Mapping[str, Scan], uncertainties: tuple[Uncertainty, ...]) -> Figure:
    """Draw the significance of the mass fit, and of counting, against the signal efficiency of the cut.

    Args:
        scans: name of the score -> its scan, which has these uncertainties.
    """
    figure, panels = new_figure(11.0, 4.4, columns=2, sharey=True, caption=(
        "Expected significance against the signal efficiency of the cut: left of a fit of the mass, right of counting the"
        " jets that pass. Line styles are the relative uncertainty of the background, with that of its sculpting."))
    for colour, (name, scan) in zip(cycle(COLOURS), scans.items()):
        for line, uncertainty in zip(cycle(LINES), uncertainties):
            row, label = scan.uncertainties.index(uncertainty), f"{name}, {_worded(uncertainty)}"
            for axes, found in zip(panels, (scan.significance, scan.counting), strict=True):
                axes.plot(scan.efficiency, found[row], color=colour, linestyle=line, label=label)
    for axes, title in zip(panels, ("fit of the mass", "counting"), strict=True):
        axes.set(title=title, xlabel="signal efficiency", xlim=(0, 1))
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("expected significance")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside right upper", fontsize=9)
    return figure


@style()
def reliability_curves(calibrations: Mapping[str, Calibration]) -> Figure:
    """Draw how often a class is the true one against the probability that it was given, with 68 % intervals.

    Args:
        calibrations: name of the class, or of what is most probable -> its calibration.
    """
    figure, (axes,) = new_figure(5.2, 5.2, caption=(
        "Share of jets that are of a class against its mean probability, in bins of equal numbers, with the expected"
        " calibration error. On the diagonal, probabilities are frequencies."))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.1)
    for colour, (name, (table, error)) in zip(cycle(COLOURS), calibrations.items()):
        share = wilson(table.observed * table.effective, table.effective)
        ends = [table.observed - share.low, share.high - table.observed]
        axes.errorbar(table.predicted, table.observed, ends, fmt="o", color=colour, markersize=4, elinewidth=1.2,
                      label=f"{name}: {error.value:.4f} ± {(error.high - error.low) / 2:.4f}")
    axes.set(xlabel="probability", ylabel="share of jets", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.legend(loc="upper left")
    return figure


@style()
def data_over_simulation(found: Spectra, name: str, classes: Sequence[str]) -> Figure:
    """Draw the spectrum of data with errors on the stacked classes of the simulation; below, their ratio.

    Args:
        found: of one quantity, which has this name.
        classes: names of those of the simulation.
    """
    test = f"chi2 / ndf = {found.chi2:.1f} / {found.ndf}, p = {found.p_value:.2g}" if found.ndf else "too few jets for a test"
    figure, (above, below) = new_figure(5.8, 5.8, rows=2, height_ratios=(2.6, 1), sharex=True, caption=(
        f"{name} in data and simulation, whose band is its statistical uncertainty; below, their ratio. The outermost bins hold"
        f" what lies beyond. {test[0].upper()}{test[1:]}."))
    e, total, error = found.edges, found.summed, np.sqrt(found.simulation_variance)
    middle, level = (e[1:] + e[:-1]) / 2, np.zeros(len(total))
    order = np.argsort(found.simulation.sum(1))
    colours = dict(zip(range(len(classes)), cycle(COLOURS)))
    for k in order[found.simulation[order].any(1)]:
        above.stairs(level + found.simulation[k], e, baseline=level, fill=True, color=colours[k], alpha=0.6, label=classes[k])
        level = level + found.simulation[k]
    above.stairs(total + error, e, baseline=total - error, fill=True, color=GREY, alpha=0.5, label="uncertainty of simulation")
    filled = found.data > 0
    above.errorbar(middle[filled], found.data[filled], np.sqrt(found.data_variance[filled]), fmt="o", color=INK, markersize=3.5, elinewidth=1.2, label="data")
    contents = np.concatenate([found.data[filled], total[total > 0]])
    steep = len(contents) > 0 and contents.max() > STEEP * np.median(contents)
    above.set(ylabel="jets per bin", title=test, yscale="log" if steep else "linear")
    above.set_ylim(bottom=0.5 * contents.min() if steep else 0)
    above.legend()
    shown = total > 0
    ratio, spread = (x[shown] / total[shown] for x in (found.data, np.sqrt(found.data_variance)))
    below.bar(middle[shown], 2 * error[shown] / total[shown], np.diff(e)[shown], 1 - error[shown] / total[shown], color=GREY, alpha=0.5)
    below.errorbar(middle[shown], ratio, spread, fmt="o", color=INK, markersize=3.5, elinewidth=1.2)
    below.axhline(1, color=GREY, linestyle="--", linewidth=1.1)
    below.set(xlabel=name, ylabel="data / simulation", xlim=(e[0], e[-1]), ylim=(0, 2))
    return figure


def _worded(uncertainty: Uncertainty) -> str:
    sculpting = f", sculpting {100 * uncertainty.sculpting:g} %" if uncertainty.sculpting else ""
    return f"{100 * uncertainty.normalisation:g} %{sculpting}"
