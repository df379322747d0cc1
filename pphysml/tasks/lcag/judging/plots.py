"""Figures of an evaluation; single events are drawn in `tree_plots`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from ....evaluation.calibration import calibration_error, reliability
from ....evaluation.drawing import Drawings
from ....evaluation.style import BLUE, GREY, HEAT, INK, ORANGE, RED, SKY, new_figure, style
from ....evaluation.uncertainty import wilson
from ..trees.validity_rules import ONE_TREE, ValidityRules
from .event_outcomes import Events, NodeMasses, calibrated
from .tree_plots import gallery, matrix_figure, tree_figure

__all__ = ["figures", "gallery", "matrix_figure", "tree_figure"]

Floats = NDArray[np.float64]


def figures(
    events: Events, masses: NodeMasses | None, rules: ValidityRules = ONE_TREE, scan: list[dict[str, float]] | None = None
) -> Drawings:
    """Return title -> what draws it, of whatever the events allow to be drawn."""
    if not len(events.n):
        return {}
    found: dict[str, Callable[[], Figure]] = {
        "Perfect trees by number of leaves": partial(perfect_by_leaves, events),
        "Perfect trees by height and leaves": partial(heat_map, events),
    }
    probability, right = calibrated(events, rules)
    if len(right):
        found["Reliability of the tree probability"] = partial(reliability_curve, probability, right)
    margin = events.others.get("margin")
    if margin is not None and np.isfinite(margin).any():
        found["Margin to the next tree"] = partial(margin_distribution, margin, events.perfect)
    if scan:
        found["Trees: efficiency against purity"] = partial(efficiency_figure, scan)
    if masses is not None and len(masses.truth):
        found["Masses of the nodes"] = partial(mass_spectrum, masses)
    return found


@style()
def efficiency_figure(scan: list[dict[str, float]]) -> Figure:
    """Draw efficiency against purity of trees above a confidence that is lowered from left to right."""
    figure, (axes,) = new_figure(caption=(
        "Trees with exactly the leaves and levels of a true one, over true trees (efficiency) and over "
        "decoded trees (purity), of two or more leaves, above a smallest confidence."))
    axes.plot([row["efficiency"] for row in scan], [row["purity"] for row in scan], "o-", color=BLUE, markersize=4)
    axes.set(xlabel="efficiency", ylabel="purity", xlim=(0, None), ylim=(0, 1.03))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    return figure


@style()
def perfect_by_leaves(events: Events) -> Figure:
    """Draw the share of perfect trees against the number of leaves, decoded and argmax."""
    figure, (axes,) = new_figure(caption=(
        "Share of events in which every element of the matrix is right. Decoded: the best valid "
        "tree; argmax: each element by itself. Bars: 68 % Wilson intervals."))
    sizes, which, n = np.unique(events.n, return_inverse=True, return_counts=True)
    drawn = (("argmax", events.perfect_raw, ORANGE, "s", 0.08), ("decoded", events.perfect, BLUE, "o", -0.08))
    for label, right, colour, marker, shift in drawn:
        share = wilson(np.bincount(which, right), n)
        errors = [share.value - share.low, share.high - share.value]
        # Drawn side by side: where nothing was repaired, one would hide the other.
        axes.errorbar(sizes + shift, share.value, errors, fmt=marker, color=colour, label=label,
                      linestyle="-", linewidth=1.2, elinewidth=1.4)
    axes.set(xlabel="number of leaves", ylabel="perfect trees", ylim=(-0.03, 1.04),
             xlim=(sizes[0] - 0.5, sizes[-1] + 0.5))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    _whole_numbers(axes)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc="lower left")
    return figure


@style()
def heat_map(events: Events) -> Figure:
    """Draw the share of perfect trees for each height of the root and number of leaves."""
    leaves, heights = (np.arange(v.min(), v.max() + 1) for v in (events.n, events.height))
    shape = (len(heights), len(leaves))
    cell = np.ravel_multi_index((events.height - heights[0], events.n - leaves[0]), shape)
    n = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    right = np.bincount(cell, events.perfect, minlength=shape[0] * shape[1]).reshape(shape)
    share: Floats = np.ma.masked_where(n == 0, right / np.maximum(n, 1))
    figure, (axes,) = new_figure(
        1.9 + 0.68 * max(6, len(leaves)), 1.4 + 0.56 * max(3, len(heights)), caption=(
            "Share of perfect decoded trees in per cent, and below it the number of events, for "
            "each number of leaves and true height of the root."))
    mesh = axes.pcolormesh(np.append(leaves, leaves[-1] + 1) - 0.5, np.append(heights, heights[-1] + 1) - 0.5,
                           share, cmap=HEAT, vmin=0, vmax=1, edgecolors="white", linewidth=1.2)
    for row, column in np.argwhere(n > 0):
        value = share[row, column]
        colour = INK if value > 0.55 else "white"
        axes.text(leaves[column], heights[row] + 0.13, f"{100 * value:.1f}", ha="center", va="center",
                  color=colour, fontsize=11)
        axes.text(leaves[column], heights[row] - 0.25, f"{n[row, column]}", ha="center", va="center",
                  color=colour, fontsize=7.5)
    axes.set(xlabel="number of leaves", ylabel="height of the root", xticks=leaves, yticks=heights)
    axes.tick_params(which="both", length=0)
    figure.colorbar(mesh, ax=axes, label="perfect trees", format=PercentFormatter(1, decimals=0), pad=0.02)
    return figure


@style()
def reliability_curve(probability: Floats, right: NDArray[np.bool_]) -> Figure:
    """Draw the share of perfect trees against the probability that was given to them."""
    from .event_outcomes import n_bins

    bins = n_bins(len(right))
    table = reliability(probability, right, bins)
    error = calibration_error(probability, right, bins)
    figure, (axes, below) = new_figure(5.4, 5.8, rows=2, height_ratios=(3.2, 1), sharex=True, caption=(
        "Share of perfect trees against the mean probability of the decoded tree, in bins of equal "
        "numbers; below, the number of events. On the diagonal, probabilities are frequencies."))
    share = wilson(table.observed * table.n, table.n)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.1)
    axes.errorbar(table.predicted, share.value, [share.value - share.low, share.high - share.value],
                  fmt="o", color=BLUE, elinewidth=1.4)
    axes.text(0.04, 0.95, f"calibration error {error.value:.3f} ± {error.high - error.value:.3f}\n"
              f"{len(right)} events", transform=axes.transAxes, va="top")
    axes.set(ylabel="perfect trees", xlim=(-0.02, 1.02), ylim=(-0.03, 1.03))
    below.hist(probability, bins=np.linspace(0, 1, 41).tolist(), color=BLUE, alpha=0.75)
    below.set(xlabel="probability of the decoded tree", ylabel="events", yscale="log")
    return figure


@style()
def margin_distribution(margin: Floats, perfect: NDArray[np.bool_]) -> Figure:
    """Draw the distribution of the margin for right and for wrong trees."""
    finite = np.isfinite(margin)
    values, right = np.asarray(margin, float)[finite], perfect[finite]
    top = float(np.quantile(values, 0.995)) or 1.0
    edges = np.linspace(0, top, 51).tolist()
    figure, (axes,) = new_figure(caption=(
        "Score of the decoded tree minus that of the best different tree, for right and for wrong "
        f"trees; the last bin holds all above {top:.3g}. A cut on it selects events."))
    shown = np.clip(values, 0, top)
    axes.hist(shown[right], edges, histtype="stepfilled", color=BLUE, alpha=0.3)
    axes.hist(shown[right], edges, histtype="step", color=BLUE, linewidth=1.5, label=f"right tree ({right.sum()})")
    axes.hist(shown[~right], edges, histtype="step", color=RED, linewidth=1.5, label=f"wrong tree ({(~right).sum()})")
    axes.set(xlabel="margin of the score", ylabel=f"events / {edges[1]:.2g}", yscale="log", xlim=(0, top))
    axes.set_ylim(0.7, 8 * axes.get_ylim()[1])
    axes.legend(loc="upper right")
    return figure


@style()
def mass_spectrum(masses: NodeMasses) -> Figure:
    """Draw the invariant masses of decoded nodes over those of the true trees."""
    top = 1.02 * float(max(np.quantile(masses.truth, 0.9995), 1e-9))
    edges = np.linspace(0, top, 201).tolist()
    figure, (axes,) = new_figure(7.2, 4.4, caption=(
        "Invariant mass of the leaves below each node, for true trees and for decoded ones; nodes "
        "of trees with any mistake are drawn apart. The last bin holds all heavier nodes."))
    axes.hist(np.clip(masses.truth, 0, top), edges, histtype="stepfilled", color=SKY, alpha=0.55, label="true trees")
    decoded = np.clip(masses.decoded, 0, top)
    axes.hist(decoded, edges, histtype="step", color=INK, linewidth=1.1, label="decoded trees")
    axes.hist(decoded[~masses.perfect], edges, histtype="step", color=RED, linewidth=1.1, label="decoded, not perfect")
    axes.set(xlabel="mass of the node [GeV]", ylabel=f"nodes / {edges[1]:.2g} GeV", yscale="log", xlim=(0, top))
    axes.set_ylim(0.7, 12 * axes.get_ylim()[1])
    axes.legend(loc="upper center", ncols=3)
    return figure


def _whole_numbers(axes: Axes) -> None:
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.tick_params(axis="x", which="minor", length=0)
