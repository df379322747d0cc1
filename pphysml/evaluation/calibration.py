"""Whether probabilities are frequencies: reliability, calibration error, proper scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .uncertainty import Floats, Interval, bootstrap_means, mean, wilson

LOG_FLOOR = 1e-6
"""Probabilities are kept this far from 0 and 1 in the logarithmic loss."""


@dataclass(frozen=True)
class Reliability:
    """Cases in bins of their predicted probability.

    Attributes:
        low, high: smallest and largest prediction in each bin, shape (bins,).
        predicted: mean prediction.
        observed: fraction that came true.
        n: cases.
        which: bin of each case, shape (cases,).
    """

    low: Floats
    high: Floats
    predicted: Floats
    observed: Floats
    n: NDArray[np.int64]
    which: NDArray[np.int64]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per bin, with the 68 % interval of the observed fraction."""
        observed = wilson(self.observed * self.n, self.n)
        return [
            {
                "from": float(self.low[b]), "to": float(self.high[b]), "events": int(self.n[b]),
                "mean probability": float(self.predicted[b]),
                "fraction right": float(self.observed[b]),
                "low": float(observed.low[b]), "high": float(observed.high[b]),
            }
            for b in range(len(self.n))
        ]


def reliability(probability: ArrayLike, right: ArrayLike, bins: int = 15) -> Reliability:
    """Sort cases into bins of nearly equal numbers; equal probabilities stay in one bin."""
    p, y = np.asarray(probability, float), np.asarray(right, float)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    _, which = np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)
    n = np.bincount(which)
    order = np.argsort(p, kind="stable")
    ends = np.cumsum(np.bincount(which))
    low, high = p[order[ends - n]], p[order[ends - 1]]
    return Reliability(low, high, np.bincount(which, p) / n, np.bincount(which, y) / n, n, which)


def calibration_error(
    probability: ArrayLike, right: ArrayLike, bins: int = 15, replicas: int = 200, seed: int = 0
) -> Interval:
    """Return the expected calibration error with its bootstrap error.

    Sum over bins of (cases in the bin / all cases) |fraction right - mean probability|. Chance
    alone makes it larger than zero: about sqrt(2 p (1 - p) bins / (pi cases)).
    Source: C. Guo et al., arXiv:1706.04599, equation 3, with bins of equal numbers.
    """
    p, y = np.asarray(probability, float), np.asarray(right, float)
    table = reliability(p, y, bins)
    value = float((table.n * np.abs(table.observed - table.predicted)).sum() / len(p))
    excess = np.zeros((len(p), len(table.n)))
    excess[np.arange(len(p)), table.which] = y - p
    drawn = np.abs(bootstrap_means(excess, replicas, seed)).sum(1)
    # Replicas are biased upwards like the value itself: their width counts, not their place.
    error = float(drawn.std())
    return Interval(value, max(0.0, value - error), min(1.0, value + error))


def brier_score(probability: ArrayLike, right: ArrayLike) -> Interval:
    """Return the mean squared distance between probability and outcome (G. W. Brier, 1950)."""
    p, y = np.asarray(probability, float), np.asarray(right, float)
    return mean((p - y) ** 2)


def log_loss(probability: ArrayLike, right: ArrayLike) -> Interval:
    """Return the mean of -log of the probability given to what happened."""
    p = np.clip(np.asarray(probability, float), LOG_FLOOR, 1 - LOG_FLOOR)
    return mean(-np.log(np.where(np.asarray(right, bool), p, 1 - p)))
