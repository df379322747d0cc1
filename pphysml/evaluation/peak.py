"""Middle and width of a peak that stands on tails of its own, by a Gaussian fitted inside a window about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

WINDOW = 2.0
"""Half-width of the window in widths of the peak."""

FEWEST = 20
"""Values inside the window without which there is no peak."""

ITERATIONS = 200

DENSITY = np.exp(-0.5 * WINDOW**2) / np.sqrt(2 * np.pi)
INSIDE = 0.9544997361036416
"""Gaussian density at the window's edge, and content."""

SECOND = INSIDE - 2 * WINDOW * DENSITY
FOURTH = 3 * SECOND - 2 * WINDOW**3 * DENSITY
RATIO = SECOND / INSIDE
"""Second and fourth moment of a unit Gaussian in the window, and its variance there."""

WIDTH_SLOPE = 2 * SECOND - 2 * WINDOW * (WINDOW**2 - RATIO) * DENSITY
WIDTH_VARIANCE = (FOURTH - 2 * RATIO * SECOND + RATIO**2 * INSIDE) / WIDTH_SLOPE**2
"""How the width that is found answers to the true one, and the variance of its logarithm times the size of the peak."""


@dataclass(frozen=True)
class Peak:
    """A Gaussian peak.

    Attributes:
        middle, width: of the Gaussian, with their standard errors.
        n: values inside the window.
        outside: share of all values beyond it more than a Gaussian has there.
    """

    middle: float
    middle_error: float
    width: float
    width_error: float
    n: int
    outside: float


def gaussian_peak(values: ArrayLike) -> Peak | None:
    """Return the highest peak of a sample; None where hardly any values are in it.

    Mean and variance inside the window are made those that a Gaussian cut off there has, until window and
    peak agree. The errors are those of this estimate (P. Huber, Ann. Math. Stat. 35 (1964) 73, of M-estimators).

    Args:
        values: a sample; those that are not finite are left out.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64))
    sample = sample[np.isfinite(sample)]
    if len(sample) < FEWEST:
        return None
    middle, width = _start(sample)
    sums = np.concatenate([np.zeros((1, 2)), np.cumsum(np.stack([sample - middle, (sample - middle) ** 2], axis=1), axis=0)])
    origin, n = middle, 0
    for _ in range(ITERATIONS):
        low, high = np.searchsorted(sample, [middle - WINDOW * width, middle + WINDOW * width])
        n = int(high - low)
        if n < FEWEST:
            return None
        first, second = (sums[high] - sums[low]) / n
        before = middle, width
        middle, width = float(origin + first), float(np.sqrt(max(second - first**2, 0.0) / RATIO))
        if width <= 0 or abs(middle - before[0]) + abs(width - before[1]) < 1e-9 * width:
            break
    whole = n / INSIDE
    return Peak(middle, width / np.sqrt(whole * SECOND), width, width * np.sqrt(WIDTH_VARIANCE / whole), n, max(0.0, 1 - whole / len(sample)))


def _start(sample: NDArray[np.float64]) -> tuple[float, float]:
    """Return middle and width of the narrowest interval that holds a quarter of the sorted sample, as those of a Gaussian."""
    size = max(len(sample) // 4, FEWEST // 2)
    lengths = sample[size:] - sample[:-size]
    at = int(np.argmin(lengths))
    # A quarter of a Gaussian is within 0.3186 widths of its middle.
    return float((sample[at] + sample[at + size]) / 2), max(float(lengths[at]) / 0.6373, 1e-12)
