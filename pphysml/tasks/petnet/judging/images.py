"""Bias of the image: how back-projected lines of what was selected differ from those of the targets.

Lines of all obliquities are taken together and seen along the axis. The density of lines through each pixel is the sinogram
summed along the curve of the pixel. It is linear in the counts, so that groups of them give its errors; pictures to look at are made in `pictures`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.ndimage import gaussian_filter1d

from ....evaluation.result import Metric
from ....io.ragged import Array
from .line_counts import LineCounts, jackknife

PIXELS = 64
SHOWN = 1.5
"""Half of the picture's side in radii of the object."""

SMOOTHING = 0.1
"""Standard deviation, in radii of the object, by which sinograms are smoothed across lines, lest the raster of crystals be seen."""


def back_project(sinogram: Array, edges: Array, x: Array, y: Array) -> Array:
    """Return the density of lines at points, lines per mm, shape (..., points).

    Args:
        sinogram: counts, shape (..., angles, bins of s); the angles are equal bins of [0, pi).
        edges: of the bins of s, mm.
        x, y: points, mm, (points,).
    """
    width = edges[1] - edges[0]
    angles, bins = sinogram.shape[-2:]
    phi = (np.arange(angles) + 0.5) * (np.pi / angles)
    picture: Array = np.zeros((*sinogram.shape[:-2], len(x)))
    for angle in range(angles):
        place = (x * np.cos(phi[angle]) - y * np.sin(phi[angle]) - edges[0]) / width - 0.5
        left = np.clip(np.floor(place).astype(np.int64), 0, bins - 2)
        share = np.clip(place - left, 0.0, 1.0)
        row = sinogram[..., angle, :]
        picture += row[..., left] * (1 - share) + row[..., left + 1] * share
    picture /= width
    return picture


def image_metrics(lines: LineCounts, radius: float) -> Iterator[Metric]:
    """Yield mean and scatter of the relative difference in the object's pixels."""
    x, y = _centres(np.linspace(-SHOWN * radius, SHOWN * radius, PIXELS + 1))
    within = np.hypot(x, y) < radius
    grouped = np.stack(_projected(*_sinograms(lines), lines, radius, x[within], y[within]), axis=1)
    if not grouped[:, 0].sum(0).all():
        return
    selected = "prompts less delayeds" if _subtracted(lines) else "prompts, randoms not subtracted, for want of delayed pairs"
    what = (f"({selected}, less targets) over targets in the pixels of a back-projection, smoothed by {SMOOTHING:g} radii, within {radius:.3g} mm of the axis; "
            f"errors from {len(grouped)} groups of clusters of singles")
    value, error = jackknife(lambda sums: float(_relative(sums).mean()), grouped)
    yield Metric("image_bias", value, value - error, value + error, int(within.sum()), f"Mean of {what}")
    value, error = jackknife(lambda sums: float(_relative(sums).std()), grouped)
    yield Metric("image_distortion", value, max(value - error, 0.0), value + error, int(within.sum()),
                 f"Root mean square, about the mean, of {what}. Statistics add to it")


def _sinograms(lines: LineCounts) -> tuple[Array, Array]:
    """Return the sinograms of targets and of what was selected, (GROUPS, ANGLES, OFFSETS)."""
    return lines.sinogram("targets"), lines.sinogram("prompts") - lines.sinogram("delayed")


def _subtracted(lines: LineCounts) -> bool:
    return bool(lines.sinogram("delayed").any())


def _projected(targets: Array, selected: Array, lines: LineCounts, radius: float, x: Array, y: Array) -> tuple[Array, Array]:
    """Return the smoothed pictures of two sinograms, (..., points)."""
    edges = lines.sinograms.edges
    width = SMOOTHING * radius / (edges[1] - edges[0])
    smooth = (gaussian_filter1d(s.astype(np.float64), width, mode="constant") for s in (targets, selected))
    a, b = (back_project(s, edges, x, y) for s in smooth)
    return a, b


def _relative(pair: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        difference: Array = (pair[1] - pair[0]) / pair[0]
    return difference


def _centres(edges: Array) -> tuple[Array, Array]:
    middle = (edges[1:] + edges[:-1]) / 2
    x, y = np.meshgrid(middle, middle)
    return x.ravel(), y.ravel()
