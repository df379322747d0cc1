"""Figures of an evaluation; single frames are drawn in `display.frame_display`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ....evaluation.calibration import calibration_error, reliability
from ....evaluation.drawing import Drawings
from ....evaluation.report import MINUS
from ....evaluation.style import BLUE, COLOURS, GREY, INK, ORANGE, RED, SKY, new_figure, style
from ....evaluation.uncertainty import wilson
from ....io.ragged import Array
from .plot_data import ANGLE_EDGES, PlotData
from .rates import TRACKS, rate_interval
from .track_metrics import Counts, select
from .wepl_metrics import median_and_width

MIN_LINKS = 100
"""Links without which a reliability curve says nothing."""


def figures(found: Counts, perfect: Counts, frames: Counts, rows: dict[str, Counts], data: PlotData) -> Drawings:
    """Return title -> what draws it, of whatever can be drawn.

    Args:
        found, perfect: counts per proton, of the engine and of perfect links.
        frames: `density` and `phantom` of each frame.
        rows: residuals of ranges, of the engine ("") and of perfect links ("perfect_").
    """
    drawings: dict[str, Callable[[], Figure]] = {"Efficiency and purity against density": partial(against_density, found, perfect, frames)}
    if found["with_primary"].any():
        drawings["Efficiency against number of hits"] = partial(against_hits, found, perfect)
    for name in ("range", "wepl"):
        # Those that end in a nucleus are off by up to the whole range, and would make the peak one bin.
        values = {prefix: columns[name][columns["peak"]].astype(float) for prefix, columns in rows.items()}
        if np.isfinite(values[""]).sum() > 1:
            drawings[f"Residuals of {'WEPL' if name == 'wepl' else 'range'}"] = partial(residual_figure, values, name)
    probability, right = data.links
    if len(right) >= MIN_LINKS and np.ptp(probability) > 0:
        drawings["Reliability of the link probability"] = partial(reliability_figure, probability, right)
    drawings["Hits per layer"] = partial(hits_per_layer, data, len(frames["density"]))
    if data.angles["true"].any():
        drawings["Deflections"] = partial(deflection_figure, data)
    return drawings


@style()
def against_density(found: Counts, perfect: Counts, frames: Counts) -> Figure:
    """Draw the share of complete protons, and of complete tracks, against the protons in a frame."""
    figure, panels = new_figure(9.6, 4.4, columns=2, sharey=True, caption=(
        "Left: protons of which a track has all and only the primary hits, over all protons with hits. Right: "
        "such tracks over all reconstructed ones. Dashed: perfect links. Bars: 68 %, protons resampled."))
    for axes, name in zip(panels, ("complete_efficiency", "track_purity"), strict=True):
        for colour, (label, chosen) in zip(COLOURS, _phantoms(frames), strict=False):
            x, ours, best = _by_density(found, perfect, frames, chosen, name)
            axes.errorbar(x, ours[0], [ours[0] - ours[1], ours[2] - ours[0]], fmt="o-", color=colour, label=label)
            axes.plot(x, best[0], "--", color=colour, linewidth=1.2)
        axes.plot([], [], "--", color=GREY, linewidth=1.2, label="perfect links")
        axes.set(xlabel="protons in the frame", ylabel=name.replace("_", " "), ylim=(0, 1.03))
        axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        axes.legend(loc="lower left")
    return figure


@style()
def against_hits(found: Counts, perfect: Counts) -> Figure:
    """Draw the share of complete protons against the number of primary hits, above how many there are."""
    chosen = found["with_primary"] > 0
    size = found["primary_hits"][chosen]
    n = np.bincount(size)
    x = np.flatnonzero(n)
    figure, (axes, below) = new_figure(6.4, 5.2, rows=2, height_ratios=(3, 1), sharex=True, caption=(
        "Protons of which a track has all and only the primary hits, against the number of these; below, "
        "the number of protons. Bars: 68 % Wilson intervals."))
    for counts, colour, mark, label in ((perfect, GREY, "--", "perfect links"), (found, BLUE, "o-", "found")):
        share = wilson(np.bincount(size, counts["complete"][chosen])[x], n[x])
        errors = [share.value - share.low, share.high - share.value] if counts is found else None
        axes.errorbar(x, share.value, errors, fmt=mark, color=colour, label=label, markersize=4, linewidth=1.2)
    axes.set(ylabel="complete efficiency", ylim=(-0.03, 1.04))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(loc="lower center", ncols=2)
    below.bar(x, n[x], width=1.0, color=SKY)
    below.set(xlabel="primary hits of the proton", ylabel="protons")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


@style()
def residual_figure(values: dict[str, Array], name: str) -> Figure:
    """Draw fitted minus true values of matched tracks, and those of perfect links."""
    known = {prefix: v[np.isfinite(v)] for prefix, v in values.items()}
    middle, width = median_and_width(known[""])
    edges = np.linspace(middle - 6 * width, middle + 6 * width, 73) if width > 0 else np.linspace(middle - 1, middle + 1, 73)
    shown, truth = ("WEPL", "the phantom's thickness") if name == "wepl" else ("range", "the depth where the proton stops")
    figure, (axes,) = new_figure(caption=(
        f"Fitted {shown} minus {truth}, of tracks that match a proton and end in a Bragg peak. The outermost bins hold all beyond. "
        "In the legend, median and half the width of the central 68 %."))
    for prefix, colour, label in (("perfect_", GREY, "perfect links"), ("", BLUE, "found")):
        if not len(known[prefix]):
            continue
        median, half = median_and_width(known[prefix])
        clipped = np.clip(known[prefix], edges[0], edges[-1])
        axes.hist(clipped, edges.tolist(), histtype="step", color=colour, linewidth=1.5,
                  label=f"{label}: {median:+.2f} mm, ± {half:.2f} mm".replace("-", MINUS))
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set(xlabel=f"fitted {MINUS} true {shown} [mm]", ylabel=f"tracks / {edges[1] - edges[0]:.2g} mm", xlim=(edges[0], edges[-1]))
    axes.set_ylim(0, 1.3 * axes.get_ylim()[1])
    axes.legend(loc="upper right")
    return figure


@style()
def reliability_figure(probability: Array, right: Array) -> Figure:
    """Draw the share of true links against the probability that was given to them."""
    bins = int(np.clip(len(right) // 50, 2, 20))
    table, error = reliability(probability, right, bins), calibration_error(probability, right, bins)
    share = wilson(table.observed * table.n, table.n)
    figure, (axes, below) = new_figure(5.4, 5.8, rows=2, height_ratios=(3.2, 1), sharex=True, caption=(
        "Share of true links against the mean probability of made links, in bins of equal numbers; below, "
        "the number of links. On the diagonal, probabilities are frequencies."))
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1.1)
    axes.errorbar(table.predicted, share.value, [share.value - share.low, share.high - share.value], fmt="o", color=BLUE)
    axes.text(0.96, 0.05, f"calibration error {error.value:.4f} ± {error.high - error.value:.4f}\n{len(right)} links",
              transform=axes.transAxes, ha="right")
    axes.set(ylabel="true links", xlim=(-0.02, 1.02), ylim=(-0.03, 1.03))
    below.hist(probability, bins=np.linspace(0, 1, 41).tolist(), color=BLUE, alpha=0.75)
    below.set(xlabel="probability of the link", ylabel="links", yscale="log", ylim=(0.7, None))
    return figure


@style()
def hits_per_layer(data: PlotData, n_frames: int) -> Figure:
    """Draw the mean number of hits in each layer of a frame: all, primary, on a track."""
    figure, (axes,) = new_figure(caption=(
        "Mean number of hits in each layer of a frame: all of them, those of the beam's particles themselves, and those "
        "on tracks. Shown are the first layers that hold 99.9 % of the hits."))
    counts = data.layers["all"]
    last = int(np.searchsorted(np.cumsum(counts), 0.999 * counts.sum()))
    for name, colour, filled in (("all", SKY, True), ("primary", INK, False), ("on a track", ORANGE, False)):
        edges = np.arange(len(data.layers[name]) + 1) - 0.5
        axes.stairs(data.layers[name] / n_frames, edges, color=colour, fill=filled, label=name, linewidth=1.5, alpha=0.55 if filled else 1)
    axes.set(xlabel="layer", ylabel="hits per frame", ylim=(0, None), xlim=(-0.5, last + 0.5))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
    return figure


@style()
def deflection_figure(data: PlotData) -> Figure:
    """Draw the angle between successive links, for true links and for those that were made."""
    figure, (axes,) = new_figure(caption=(
        "Angle between a link and the one before it on the same track: of true links, of links made, and of "
        "those made of which at least one is false. The first and the last bin hold all beyond."))
    for name, colour, filled in (("true", SKY, True), ("made", BLUE, False), ("false", RED, False)):
        axes.stairs(data.angles[name], ANGLE_EDGES, color=colour, fill=filled, label=f"{name} links", linewidth=1.5,
                    alpha=0.55 if filled else 1)
    axes.set(xlabel="deflection [rad]", ylabel="pairs of links", xscale="log", yscale="log", xlim=(ANGLE_EDGES[0], ANGLE_EDGES[-1]))
    axes.set_ylim(0.7, 3 * axes.get_ylim()[1])
    axes.legend(loc="upper left")
    return figure


def _phantoms(frames: Counts) -> Iterator[tuple[str, Array]]:
    phantom = frames["phantom"].astype(float)
    values = np.unique(phantom[np.isfinite(phantom)])
    if len(values) < 2:
        yield "found", np.ones(len(phantom), dtype=bool)
        return
    for value in values:
        yield f"{value:g} mm", phantom == value


def _by_density(found: Counts, perfect: Counts, frames: Counts, chosen: Array, name: str) -> tuple[Array, Array, Array]:
    """Return the densities, and value, low, high of a rate at each, found and of perfect links."""
    density = np.where(chosen, frames["density"].astype(float), np.nan)
    values = np.unique(density[np.isfinite(density)])
    ours, best = (np.transpose([rate_interval(select(owners, density[owners["frame"]] == v), TRACKS[name]) for v in values])
                  for owners in (found, perfect))
    return values, ours, best
