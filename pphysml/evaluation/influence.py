"""Estimates with what each case contributes to them: errors and paired comparisons without resampling.

The influence of a case says how far the estimate moves where the case is counted once more. The
variance of the estimate is the sum of the squared influences, and the influences of a difference
are the differences of the influences, so that two scores of the same cases are compared exactly
as they depend on each other.
Source: F. R. Hampel, J. Am. Stat. Assoc. 69 (1974) 383; B. Efron, Biometrika 68 (1981) 589.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri

from .uncertainty import LEVEL, Floats, Interval


class Estimate(NamedTuple):
    """A number and the influence of each case on it, shape (n,)."""

    value: float
    influence: Floats


class Comparison(NamedTuple):
    """A difference or ratio of two estimates of the same cases, with the ends of its interval.

    Attributes:
        sigma: how many of its standard errors it is from equality; positive where the first is larger.
    """

    value: float
    low: float
    high: float
    sigma: float


def standard_error(influence: Floats, event: ArrayLike | None = None) -> float:
    """Return the standard error of an estimate by the influences of its cases.

    Args:
        influence: (n,).
        event: (n,), of each case; cases of one event count as one. By default each is its own.
    """
    parts = np.asarray(influence, float)
    if event is not None:
        _, which = np.unique(np.asarray(event), return_inverse=True)
        parts = np.bincount(which, parts).astype(float)
    n = len(parts)
    return float(np.sqrt(n / (n - 1) * (parts**2).sum())) if n > 1 else np.inf


def interval(estimate: Estimate, event: ArrayLike | None = None, level: float = LEVEL) -> Interval:
    """Return an estimate with its Gaussian interval."""
    half = float(ndtri(0.5 + level / 2)) * standard_error(estimate.influence, event)
    return Interval(estimate.value, estimate.value - half, estimate.value + half)


def difference(a: Estimate, b: Estimate, event: ArrayLike | None = None) -> Comparison:
    """Return a - b with the error of the paired difference; sigma is 0 where they are equal case by case."""
    value = a.value - b.value
    error = standard_error(_paired(a, b), event)
    return Comparison(value, value - error, value + error, _sigmas(value, error))


def ratio(a: Estimate, b: Estimate, event: ArrayLike | None = None) -> Comparison:
    """Return a / b of two positive estimates, with the interval of its logarithm; NaN if one is not positive."""
    if not (a.value > 0 and b.value > 0 and np.isfinite(a.value) and np.isfinite(b.value)):
        return Comparison(np.nan, np.nan, np.nan, np.nan)
    logarithm = float(np.log(a.value / b.value))
    scaled = (Estimate(e.value, e.influence / e.value) for e in (a, b))
    error = standard_error(_paired(*scaled), event)
    low, high = np.exp([logarithm - error, logarithm + error])
    return Comparison(a.value / b.value, float(low), float(high), _sigmas(logarithm, error))


def _paired(a: Estimate, b: Estimate) -> Floats:
    if a.influence.shape != b.influence.shape:
        raise ValueError(f"two estimates of the same cases are needed, not of {len(a.influence)} and {len(b.influence)}")
    return a.influence - b.influence


def _sigmas(value: float, error: float) -> float:
    return value / error if error > 0 else 0.0 if value == 0 else float(np.copysign(np.inf, value))
