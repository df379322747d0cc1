"""Figures of an evaluation of coincidences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ....evaluation.calibration import calibration_error, reliability
from ....evaluation.drawing import Drawings
from ....evaluation.style import BLUE, COLOURS, GREY, HEAT, INK, ORANGE, RED, new_figure, style
from ....evaluation.uncertainty import Floats, bootstrap_fraction, wilson
from ....io.ragged import Array
from .classes import PairClass
from .cluster_counts import MANY, ClusterCounts
from .kept_lines import KeptLines
from .line_counts import LineCounts
from .necr import MARGIN
from .pictures import Pictures, in_object, pictures
from .plot_data import ENERGY_EDGES, PlotData
from .rate_bins import KINDS, RateBins
from .rates import RATES, TABLE_REPLICAS, rate_interval

MIN_PAIRS = 100
"""Pairs without which a reliability curve says nothing."""

RATE_GROUPS = 8
"""Bins of time are sorted by their rate into as many groups."""

COARSE = 16
"""Bins of distances that are drawn as one."""

SHOWN_OFFSETS = 64
"""Bins of s of the sinogram that is drawn, at least."""

MIN_LINES = 10
"""Lines without which a share is not drawn."""

TALLEST = 2.0
"""Height of a picture through the axis over that of one across it, at most."""


def figures(counts: ClusterCounts, lines: LineCounts, rates: RateBins, data: PlotData, kept: KeptLines, radius: float) -> Drawings:
    """Return title -> what draws it, of whatever can be drawn.

    Args:
        radius: of the object, mm; NaN if there is none.
    """
    total = counts.total
    drawings: dict[str, Callable[[], Figure]] = {}
    if total["pairs"]:
        drawings |= {"Energies of pairs": partial(energy_figure, data), "Time differences of pairs": partial(time_figure, data),
                     "Sinogram of the pairs": partial(sinogram_figure, lines)}
    if np.isfinite(radius) and lines.sinogram("targets").any():
        drawings["Picture of targets and of pairs"] = lambda: picture_figure(pictures(kept, radius), radius)
    if total["targets"] and total["pairs"]:
        drawings["Efficiency against distance from the axis"] = partial(distance_figure, lines, radius)
        drawings["F1 against the rate of singles"] = partial(rate_figure, counts, rates)
    score, right = data.scores
    if len(right) >= MIN_PAIRS and np.ptp(score) > 0:
        drawings["Reliability of the score"] = partial(score_figure, score, right)
    return drawings


@style()
def energy_figure(data: PlotData) -> Figure:
    """Draw the energies of singles in pairs, by class of the pair, and of targets."""
    figure, (axes,) = new_figure(caption=(
        "Energies of the two singles of each prompt pair, by class of the pair; dashed: of all targets. The last bin holds all above."))
    keV = 1e3 * ENERGY_EDGES
    for colour, kind in _classes(data.energies[:-1]):
        axes.stairs(data.energies[kind], keV, color=colour, label=_name(kind), linewidth=1.5)
    axes.stairs(data.energies[-1], keV, color=INK, linestyle="--", label="targets", linewidth=1.2)
    filled = np.flatnonzero(data.energies.any(axis=0))
    axes.set(xlabel="energy [keV]", ylabel=f"singles per {keV[1] - keV[0]:g} keV", yscale="log",
             xlim=(keV[max(filled[0] - 5, 0)], keV[min(filled[-1] + 6, len(keV) - 1)]))
    axes.set_ylim(0.7, 8 * data.energies.max())
    axes.legend(loc="upper left", ncols=2)
    return figure


@style()
def time_figure(data: PlotData) -> Figure:
    """Draw the difference of times along the line, by class of the pair."""
    figure, (axes,) = new_figure(caption=(
        "Difference of the times at the two ends of the line, in a direction fixed in space, of prompt pairs by class."))
    edges, counts = data.times.edges, data.times.counts
    for colour, kind in _classes(counts):
        axes.stairs(counts[kind], edges, color=colour, label=_name(kind), linewidth=1.5)
    filled = np.flatnonzero(counts.any(axis=0))
    limit = 1.05 * max(abs(edges[filled[0]]), abs(edges[filled[-1] + 1]))
    axes.set(xlabel="difference of times [ps]", ylabel=f"pairs per {edges[1] - edges[0]:g} ps", yscale="log", xlim=(-limit, limit))
    axes.set_ylim(0.7, 8 * counts.max())
    axes.legend(loc="upper left", ncols=2)
    return figure


@style()
def sinogram_figure(lines: LineCounts) -> Figure:
    """Draw the sinogram of all prompt pairs."""
    figure, (axes,) = new_figure(caption=(
        "Prompt pairs by signed distance of the line from the axis and by its angle to y (GATE's sinogramS and sinogramTheta), all obliquities."))
    counts, edges = _coarsened(lines.sinogram("prompts").sum(0)), lines.sinograms.edges[[0, -1]]
    image = axes.imshow(counts, aspect="auto", origin="lower", cmap=HEAT, extent=(edges[0], edges[-1], 0, 180), interpolation="nearest")
    filled = np.flatnonzero(counts.any(axis=0))
    limit = (max(filled[-1] + 1, counts.shape[1] - filled[0]) / counts.shape[1] * 2 - 1) * edges[-1]
    axes.set(xlabel="distance s [mm]", ylabel=r"angle $\phi$ [deg]", xlim=(-limit, limit))
    figure.colorbar(image, ax=axes, label="pairs")
    return figure


@style()
def picture_figure(shown: Pictures, radius: float) -> Figure:
    """Draw the activity as targets and pairs show it, and the difference inside the object."""
    names = [name for name in ("selected", "weighted") if name in shown.views]
    panels = ["targets", *(panel for name in names for panel in (name, f"{name} - targets"))]
    heights = [1.0, min((shown.z[1] - shown.z[0]) / (shown.edges[1] - shown.edges[0]), TALLEST)]
    # A picture 2.7 inches wide has 1.3 of a scale beside it, and 0.8 of title and labels above and below.
    figure, axes = new_figure(4.0 * len(panels), sum(2.7 * height + 0.8 for height in heights), columns=len(panels), rows=2,
                              height_ratios=[2.7 * height + 0.8 for height in heights], caption=_of_pictures(shown))
    top = [max(float(view[row].max()) for view in shown.views.values()) for row in range(2)]
    for column, panel in enumerate(panels):
        _draw_view(figure, [axes[column], axes[column + len(panels)]], shown, panel, top)
    angle = np.linspace(0, 2 * np.pi, 200)
    for of in axes[: len(panels)]:
        of.plot(radius * np.cos(angle), radius * np.sin(angle), color=GREY, linewidth=1)
    return figure


def _of_pictures(shown: Pictures) -> str:
    selected = "prompt pairs, less the randoms that delayed pairs show" if shown.subtracted else "prompt pairs, with their randoms, since there are no delayed pairs (apply.offset makes some)"
    weighted = "; of all candidates, each with its probability" if "weighted" in shown.views else ""
    part = "" if shown.share == 1 else f", of {shown.share:.3g} of the clusters of singles"
    return (f"Activity by list-mode expectation maximisation{part}: of targets; of {selected}{weighted}. Slabs across and through the axis; the mean of the targets "
            f"in the object (circle) is 1, for the differences, too. Time differences have a standard deviation of {shown.sigma:.0f} ps. Nothing is corrected for attenuation or scatter.")


def _draw_view(figure: Figure, axes: list[Axes], shown: Pictures, panel: str, top: list[float]) -> None:
    """Draw an image, or how it differs from that of the targets, across the axis and through it."""
    name, _, less = panel.partition(" - ")
    targets, view = shown.views["targets"], shown.views[name]
    extents = ((*shown.edges, *shown.edges), (*shown.edges, *shown.z))
    # What is outside the object has no share in the scale of the difference.
    inside = in_object(view.across.shape[0])
    limit = max(float(np.abs(view.across - targets.across)[inside].max()), 1e-3)
    for of, picture, true, extent, highest in zip(axes, view, targets, extents, top, strict=True):
        norm = TwoSlopeNorm(0, -limit, limit) if less else Normalize(0, highest)
        image = of.imshow(picture - true if less else picture, origin="lower", extent=extent, cmap="RdBu_r" if less else HEAT, norm=norm)
        figure.colorbar(image, ax=of)
    axes[0].set(title=panel.replace(" - ", " less "), xlabel="x [mm]", ylabel="y [mm]")
    axes[1].set(xlabel="x [mm]", ylabel="z [mm]")


@style()
def distance_figure(lines: LineCounts, radius: float) -> Figure:
    """Draw the share of targets found, and of accidental pairs, against the distance from the axis."""
    figure, (axes, below) = new_figure(6.4, 5.6, rows=2, sharex=True, height_ratios=[2, 1], caption=(
        "Above: targets found, those unscattered in the object, and the share of accidental pairs among prompt pairs, against the "
        "distance of the line from the axis. Bars: 68 %. Below: how many. Dotted: the object and the band of NEMA NU 4."))
    edges = lines.distances.edges[::COARSE]
    counts = {name: np.add.reduceat(lines.distance(name).sum(0), np.arange(0, lines.distances.counts.shape[-1], COARSE))
              for name in ("targets", "found", "unscattered_targets", "unscattered_found", "prompts", "accidental")}
    for colour, passed, of, label in ((BLUE, "found", "targets", "targets found"), (ORANGE, "unscattered_found", "unscattered_targets", "unscattered ones"),
                                      (RED, "accidental", "prompts", "accidental share of pairs")):
        _points(axes, (edges[1:] + edges[:-1]) / 2, counts[passed], counts[of], colour, label)
    for colour, name, label in ((BLUE, "targets", "targets"), (INK, "prompts", "prompt pairs")):
        below.stairs(counts[name], edges, color=colour, label=label, linewidth=1.5)
    for panel in (axes, below):
        for x in (radius, radius + MARGIN):
            panel.axvline(x, color=GREY, linestyle=":", linewidth=1.2)
    axes.set(ylabel="share", ylim=(0, 1.03))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.legend(loc="best")
    last = np.flatnonzero(counts["prompts"] + counts["targets"])[-1]
    below.set(xlabel="distance |s| [mm]", ylabel="lines", yscale="log", xlim=(0, edges[last + 1]), ylim=(0.7, None))
    below.legend(loc="best")
    return figure


@style()
def rate_figure(counts: ClusterCounts, rates: RateBins) -> Figure:
    """Draw F1 against the rate of singles, and against the singles of a cluster."""
    figure, (left, right) = new_figure(9.6, 4.2, columns=2, caption=(
        "F1 of pairs. Left: against the rate of singles in the energy window, bins of time grouped by their rate. Right: against the "
        "number of such singles between gaps longer than the window (a cluster). Bars: 68 %, bins or clusters resampled."))
    x, intervals = _by_rate(*rates.counts())
    left.errorbar(x, intervals[0], [intervals[0] - intervals[1], intervals[2] - intervals[0]], fmt="o", color=BLUE)
    left.set(xlabel="singles per second [Mcps]", ylabel="F1 of pairs")
    left.margins(0.08, 0.5)
    for number, chosen in counts.by_singles():
        total = chosen.total
        if total["targets"] + total["pairs"]:
            value, low, high = rate_interval(RATES["pair_f1"], total, chosen.resampled(TABLE_REPLICAS))
            right.errorbar([number], [value], [[max(value - low, 0)], [max(high - value, 0)]], fmt="o", color=BLUE)
    right.set(xlabel=f"singles in the cluster ({MANY}: {MANY} or more)", ylabel="F1 of pairs", xlim=(1, MANY + 1), ylim=(0, 1.03))
    return figure


@style()
def score_figure(score: Array, right: Array) -> Figure:
    """Draw how often pairs are of one annihilation against their score."""
    figure, (axes,) = new_figure(5.2, 4.6, caption=(
        "Fraction of prompt pairs that are of one annihilation against their score; bars: 68 %. Dashed: a score that is a probability."))
    table = reliability(score, right)
    observed = wilson(table.observed * table.n, table.n)
    axes.plot([0, 1], [0, 1], "--", color=GREY, linewidth=1.2)
    axes.errorbar(table.predicted, observed.value, [observed.value - observed.low, observed.high - observed.value], fmt="o-", color=BLUE)
    error = calibration_error(score, right)
    axes.set(xlabel="score", ylabel="fraction of one annihilation", xlim=(0, 1.02), ylim=(0, 1.02),
             title=f"calibration error {error.value:.4f}, {len(right)} pairs")
    return figure


def _by_rate(rate: Floats, counts: Array) -> tuple[Floats, Floats]:
    """Return Mcps, and value, low, high of F1 in groups of bins of nearly equal numbers."""
    order = np.argsort(rate, kind="stable")
    found, of = 2 * counts[:, KINDS.index("found")], counts[:, KINDS.index("targets")] + counts[:, KINDS.index("pairs")]
    groups = [group for group in np.array_split(order, RATE_GROUPS) if of[group].any()]
    x = np.array([1e-6 * rate[group].mean() for group in groups])
    intervals = [bootstrap_fraction(found[group], of[group], TABLE_REPLICAS) for group in groups]
    return x, np.array(intervals, float).reshape(-1, 3).T


def _coarsened(sinogram: Array) -> Array:
    """Add neighbouring offsets until about `SHOWN_OFFSETS` of them are filled."""
    while np.ptp(np.flatnonzero(sinogram.any(axis=0))) > 2 * SHOWN_OFFSETS:
        sinogram = sinogram[:, 0::2] + sinogram[:, 1::2]
    return sinogram


def _points(axes: Axes, x: Floats, passed: Array, of: Array, colour: str, label: str) -> None:
    some = of >= MIN_LINES
    share = wilson(passed[some], of[some])
    axes.errorbar(x[some], share.value, [share.value - share.low, share.high - share.value], fmt="o", color=colour, label=label, markersize=4)


def _classes(counts: Array) -> Iterator[tuple[str, PairClass]]:
    for colour, kind in zip(COLOURS, PairClass, strict=True):
        if counts[kind].any():
            yield colour, kind


def _name(kind: PairClass) -> str:
    return kind.name.lower().replace("_", " ")
