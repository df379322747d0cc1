"""The last peak of a distribution of stopping depths, with the width that range straggling gives it.

The depths of single tracks are known to a few mm only, and unevenly between two sensors; so the
likelihood of all tracks is maximised for a Gaussian over a background, instead of fitting a histogram of
their estimates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .energy_loss import LONGEST

Floats = NDArray[np.float64]

GRID = 0.1
"""Distance of the depths at which densities are computed, mm."""

DEPTHS: Floats = GRID * (np.arange(int(LONGEST / GRID), dtype=np.float64) + 0.5)

FEWEST = 50
"""Tracks in a peak that is one."""

SHARE = 0.1
"""Of the tracks in the highest place: as many make a peak further back."""

CLEAR = 1.5
"""Widths in front of the peak from where the background is free, in steps of twice as much."""

ITERATIONS = 300

TINY = 1e-300

Width = Callable[[Floats], Floats]
"""Width of the peak that range straggling and the beam's spread give particles that stop at these depths, mm."""


@dataclass(frozen=True)
class StopPeak:
    """A Gaussian peak of stopping depths.

    Attributes:
        depth, depth_error: its middle, mm, and the standard error.
        width, width_error: its Gaussian width, mm.
        tracks: how many are in it.
    """

    depth: float
    depth_error: float
    width: float
    width_error: float
    tracks: float


def last_peak(place: Floats, probability: Floats, width: Width) -> StopPeak | None:
    """Return the peak at the far end of the stopping depths of T tracks; None where nowhere are enough tracks.

    Args:
        place, probability: of each track, (T, C), as `wepl.stop_probabilities` returns them.
        width: by which peaks are looked for; the fitted one is free.
    """
    index = np.clip(place / GRID, 0, len(DEPTHS) - 1).astype(np.int64)
    rows = np.arange(len(place) + 1) * place.shape[1]
    matrix = csr_array((probability.ravel(), index.ravel(), rows), shape=(len(place), len(DEPTHS)))
    start = _look(matrix, width)
    return None if start is None else _fit(matrix, start, float(width(np.array([start], dtype=np.float64))[0]))


def _look(matrix: csr_array, width: Width) -> float | None:
    """Return about where the last peak is: the highest place near the last one with enough tracks."""
    total = np.append(0.0, np.cumsum(np.asarray(matrix.sum(axis=0)).ravel()))
    half = 2 * width(DEPTHS)
    edges = GRID * np.arange(len(total))
    near = np.interp(DEPTHS + half, edges, total) - np.interp(DEPTHS - half, edges, total)
    enough = np.flatnonzero(near >= max(FEWEST, SHARE * near.max()))
    if not len(enough):
        return None
    last = enough[-1]
    region = np.flatnonzero(_between(DEPTHS[last] - 2.5 * half[last], DEPTHS[last] + GRID))
    return float(DEPTHS[region[np.argmax(near[region])]])


def _fit(matrix: csr_array, start: float, width: float) -> StopPeak:
    """Maximise the likelihood by expectation and maximisation (A. Dempster et al., J. R. Stat. Soc. B 39 (1977) 1)."""
    flat = np.stack([matrix @ shape for shape in _backgrounds(start, width)], axis=1)
    weights = np.full(flat.shape[1] + 1, 1 / (flat.shape[1] + 1))
    middle, sigma = start, width
    for _ in range(ITERATIONS):
        peak = _gaussian(middle, sigma)
        seen = np.column_stack([matrix @ peak, flat])
        shares = seen * weights
        shares /= shares.sum(axis=1, keepdims=True)
        weights = shares.mean(axis=0)
        # How likely each depth is, given that a track is one of the peak.
        inside = peak * (matrix.T @ (shares[:, 0] / np.maximum(seen[:, 0], TINY)))
        before, middle = middle, float(np.average(DEPTHS, weights=inside))
        spread = float(np.sqrt(np.average((DEPTHS - middle) ** 2, weights=inside)))
        moved, sigma = abs(middle - before) + abs(spread - sigma), max(spread, GRID)
        if moved < 1e-4:
            break
    depth_error, width_error = _errors(matrix, flat, weights, middle, sigma)
    return StopPeak(middle, depth_error, sigma, width_error, float(weights[0] * len(flat)))


def _gaussian(middle: float, sigma: float) -> Floats:
    shape = np.exp(-0.5 * ((DEPTHS - middle) / sigma) ** 2)
    density: Floats = shape / (shape.sum() * GRID)
    return density


def _backgrounds(start: float, width: float) -> list[Floats]:
    """Return densities that are flat: in steps in front of the peak, everywhere up to a little behind it, and further back."""
    edges = np.append(0.0, np.arange(start - CLEAR * width, 0, -2 * CLEAR * width)[::-1])
    end = start + 4 * width
    pieces = [*pairwise(edges), (0.0, end), (end, LONGEST)]
    found = [_between(low, high).astype(np.float64) for low, high in pieces]
    return [piece / (piece.sum() * GRID) for piece in found if piece.any()]


def _between(low: float, high: float) -> NDArray[np.bool_]:
    return (DEPTHS >= low) & (DEPTHS < high)  # noqa: SIM300


def _errors(matrix: csr_array, flat: Floats, weights: Floats, middle: float, sigma: float) -> tuple[float, float]:
    """Return the standard errors of middle and width, from the sum over tracks of the products of the likelihood's slopes."""
    peak, off = _gaussian(middle, sigma), (DEPTHS - middle) / sigma
    of_peak = matrix @ peak
    used = weights[1:] > 1e-6
    total = np.maximum(weights[0] * of_peak + flat @ weights[1:], TINY)
    slopes = np.column_stack([weights[0] * (matrix @ (peak * off)) / sigma, weights[0] * (matrix @ (peak * (off**2 - 1))) / sigma,
                              flat[:, used] - of_peak[:, None]]) / total[:, None]
    variance = np.diag(np.linalg.pinv(slopes.T @ slopes))
    return float(np.sqrt(variance[0])), float(np.sqrt(variance[1]))
