"""The conditional distribution function of a score at single jets, compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .spline_basis import Floats, space, splines_at


class Form(NamedTuple):
    """Table of the normal form of scores: from where to where each one has it, (points,) and (points, 2)."""

    scores: Floats
    normals: Floats


@njit(cache=True, nogil=True)
def normal_forms(score: Floats, bits: NDArray[np.uint64], form: Form, result: Floats) -> None:
    """Fill in the normal form of each score; `bits` are those of its coordinates, (n, k)."""
    for j in range(len(score)):
        result[j] = _normal(score[j], bits[j], form)


@njit(cache=True, nogil=True)
def probabilities(rest: Floats, points: Floats, knots: Floats, degrees: NDArray[np.int64], shape: NDArray[np.int64],
                  coefficients: Floats, steps: Floats, result: Floats) -> None:
    """Fill in the probability below each rest: linear between steps, and exponential beyond the outermost ones.

    Args:
        rest: (n,).
        points: coordinates, (n, k).
        knots, degrees, shape, coefficients: of the probabilities below the steps, see `spline_basis`.
        steps: increasing.
    """
    one, number, value = space(degrees)
    for j in range(len(rest)):
        i = _interval(rest[j], steps)
        low, high = 0.0, 0.0
        for a in range(splines_at(points[j], knots, degrees, shape, one, number, value)):
            low += value[a] * coefficients[number[a], i]
            high += value[a] * coefficients[number[a], i + 1]
        share = (rest[j] - steps[i]) / (steps[i + 1] - steps[i])
        if share < 0:
            result[j] = low * math.exp(share * math.log(high / low))
        elif share > 1:
            result[j] = 1 - (1 - high) * math.exp((1 - share) * math.log((1 - low) / (1 - high)))
        else:
            result[j] = low + share * (high - low)


@njit(cache=True, nogil=True)
def _interval(value: float, ends: Floats) -> int:
    """Return the number of the interval that a value is in, the first or the last one if it is outside."""
    low, high = 0, len(ends) - 1
    while high - low > 1:
        middle = (low + high) // 2
        if ends[middle] <= value:
            low = middle
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _normal(score: float, bits: NDArray[np.uint64], form: Form) -> float:
    """Return the normal form of a score: linear between the points of the table, and beyond them.

    Equal scores of many jets have a range of normal forms, in which each jet has a place that looks random.
    """
    scores, normals = form
    i = _interval(score, scores)
    for k in (i, i + 1):
        if score == scores[k]:
            low, high = float(normals[k, 0]), float(normals[k, 1])
            return low + (high - low) * _fraction(bits) if high > low else low
    slope = float((normals[i + 1, 0] - normals[i, 1]) / (scores[i + 1] - scores[i]))
    if score < scores[i]:
        return float(normals[i, 0]) + slope * (score - float(scores[i]))
    if score > scores[i + 1]:
        return float(normals[i + 1, 1]) + slope * (score - float(scores[i + 1]))
    return float(normals[i, 1]) + slope * (score - float(scores[i]))


@njit(cache=True, nogil=True)
def _fraction(bits: NDArray[np.uint64]) -> float:
    """Return a number from 0 to 1 that depends on all bits (mixing of G. Steele et al., OOPSLA 2014)."""
    mixed = np.uint64(0)
    for word in bits:
        mixed = (mixed ^ word) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return (float(mixed >> np.uint64(11)) + 0.5) / 2.0**53
