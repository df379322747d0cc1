"""Pictures of the activity: what targets show, what the selected pairs do, and all candidates with their probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from ....io.ragged import Array
from ..coincidences.lines_of_response import lines_between
from .kept_lines import KeptLines
from .reconstruction import (
    WeightedLines,
    anywhere_in_crystals,
    grid_of,
    pitch_of,
    reconstructed,
    sensitivity,
    time_spread,
)

VOXELS, MOST_ALONG = 64, 512

SURE = 20
"""Lines by which the sensitivity is counted over those of targets."""

SMALLEST = 1e-300

SHOWN = 1.5
"""Half of the picture's side in radii of the object."""

SMOOTHING = 0.05
"""Standard deviation, in radii of the object, by which pictures are smoothed."""

SLAB = 0.5
"""Half of the thickness of the slabs that are seen, in radii of the object."""

ENDS = (0.005, 0.995)
"""Shares of the targets' lines between whose middles the object lies along the axis."""

DISTANCES, TIMES = 12, 6
"""Classes of lines, by their distance from the axis and their time difference, in which randoms are taken away."""

PRIOR = 5.0
"""Pairs that each class is taken to have had, with the mean share of randoms."""


class View(NamedTuple):
    """Slabs of the same images across the axis, (y, x), and through the axis, (z, x); the mean of the targets in the object is 1."""

    across: Array
    through: Array


class Pictures(NamedTuple):
    """What the activity looks like.

    Attributes:
        views: of `targets`; of `selected`, prompt pairs less what delayed pairs show to be randoms; and of `weighted`, where there are
            candidates, all of them with their probabilities.
        edges: ends of the pictures in x and in y, mm; z: in z.
        subtracted: whether there are delayed pairs.
        share: of the lines, that were taken.
        sigma: standard deviation of the time difference that the targets show, ps.
    """

    views: Mapping[str, View]
    edges: tuple[float, float]
    z: tuple[float, float]
    subtracted: bool
    share: float
    sigma: float


def pictures(kept: KeptLines, radius: float) -> Pictures:
    """Return the pictures; the object is inside the circle around the axis."""
    targets, singles = kept.lines("targets"), kept.singles
    z = np.quantile((targets.p[:, 2] + targets.q[:, 2]) / 2, ENDS)
    low, high = max(z[0] - radius, singles[:, 2].min()), min(z[1] + radius, singles[:, 2].max())
    grid = grid_of(SHOWN * radius, float(low), float(high), VOXELS, MOST_ALONG)
    seen = sensitivity(singles, grid, SURE * len(targets))
    sigma = time_spread(targets, seen, grid)
    lines = {"targets": targets, "selected": less_randoms(kept.lines("prompts"), kept.lines("delayed")), "weighted": kept.lines("candidates")}
    pitch = pitch_of(singles)
    images = {name: reconstructed(anywhere_in_crystals(of, pitch), seen, grid, sigma) for name, of in lines.items() if len(of)}
    middle = int(np.average(np.arange(grid.along), weights=images["targets"].sum((0, 1)) + SMALLEST))
    slab = max(1, round(SLAB * radius / grid.voxel))
    views = {name: _view(gaussian_filter(of, SMOOTHING * radius / grid.voxel, mode="constant"), middle, slab) for name, of in images.items()}
    scale = max(float(views["targets"].across[in_object(grid.across)].mean()), SMALLEST)
    return Pictures({name: View(*(part / scale for part in view)) for name, view in views.items()}, (-grid.radius, grid.radius),
                    (grid.z_low, grid.z_high), bool(len(kept.lines("delayed"))), kept.share, sigma)


def in_object(pixels: int) -> Array:
    """Return which pixels of a picture across the axis are in the object, bool (pixels, pixels)."""
    place = ((np.arange(pixels) + 0.5) / pixels * 2 - 1) * SHOWN
    found: Array = np.hypot(place[:, None], place) < 1
    return found


def less_randoms(prompts: WeightedLines, delayed: WeightedLines) -> WeightedLines:
    """Return prompt pairs, each with the share of its weight that delayed pairs of its class leave: all of it without any.

    Args:
        delayed: their time differences are less the delay of their window.
    """
    if not len(delayed) or not len(prompts):
        return prompts
    values = [_of_classes(lines) for lines in (prompts, delayed)]
    edges = [np.quantile(of, np.linspace(0, 1, n + 1)[1:-1]) for of, n in zip(values[0], (DISTANCES, TIMES), strict=True)]
    rows = [np.searchsorted(edges[0], s) * TIMES + np.searchsorted(edges[1], dt) for s, dt in values]
    found, randoms = (np.bincount(of, minlength=DISTANCES * TIMES) for of in rows)
    share = (randoms + PRIOR * len(delayed) / len(prompts)) / (found + PRIOR)
    return WeightedLines(prompts.p, prompts.q, prompts.dt, prompts.weight * np.clip(1 - share, 0, 1)[rows[0]])


def _of_classes(lines: WeightedLines) -> tuple[Array, Array]:
    return np.abs(lines_between(lines.p, lines.q).s), np.abs(lines.dt)


def _view(image: Array, middle: int, slab: int) -> View:
    half = image.shape[0] // 2
    across = image[:, :, max(0, middle - slab) : middle + slab].mean(2)
    return View(across.T, image[:, max(0, half - slab) : half + slab].mean(1).T)
