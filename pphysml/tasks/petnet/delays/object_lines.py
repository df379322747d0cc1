"""What the lines of pairs tell of the object, without an image: which are likely, and where its middle is."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from ..coincidences.lines_of_response import lines_between
from ..likelihood.ends import Ends, nearest_to_lines
from ..likelihood.line_kernel import LIGHT

BINS = 24
"""Bins of the angle of lines and of their distance from the axis, which make their classes."""

SIGNIFICANT = 5.0
"""Standard deviations of the number of true pairs, without which the object is taken to be on the axis."""

SMALLEST = 1e-6


def line_classes(p: Array, q: Array) -> Array:
    """Return the class of lines between points, int64 from 0 to below BINS^2: those of true pairs pass the object.

    Args:
        p, q: mm, (n, 3).
    """
    lines = lines_between(p, q)
    radius = np.maximum((np.hypot(p[:, 0], p[:, 1]) + np.hypot(q[:, 0], q[:, 1])) / 2, SMALLEST)
    across = np.clip((lines.s / radius + 1) / 2 * BINS, 0, BINS - 1).astype(np.int64)
    found: Array = across * BINS + np.clip(lines.phi / np.pi * BINS, 0, BINS - 1).astype(np.int64)
    return found


def middle_of(p: Array, q: Array, weight: Array) -> Array:
    """Return the point in x and y to which lines come nearest, mm, (2,).

    Args:
        p, q: mm, (n, 3).
        weight: 1 for pairs that may be true, -1 for as many randoms as are among them.
    """
    if weight.sum() < SIGNIFICANT * np.sqrt(max(len(weight), 1)):
        return np.zeros(2)
    return nearest_to_lines(Ends(p, q, weight, np.zeros((0, 2)), np.zeros(0)), weight)


def flight(p: Array, q: Array, middle: Array) -> Array:
    """Return how much later photons reach q than p, ps, (n,), from the point of each line that is nearest to the middle in x and y."""
    d = q - p
    across = np.maximum(np.hypot(d[:, 0], d[:, 1]), SMALLEST)
    along = ((middle - (p + q)[:, :2] / 2) * d[:, :2]).sum(1) / across
    found: Array = -2.0 * along * np.sqrt((d**2).sum(1)) / across / LIGHT
    return found
