"""Whether probabilities are frequencies: reliability, calibration error, proper scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .event_blocks import block_histograms, blocks_of, resampled
from .uncertainty import Floats, Interval, bootstrap_means, mean, wilson

MANY = 100_000
"""Cases above which the calibration error is resampled in blocks, as it takes seconds else."""

LOG_FLOOR = 1e-6
"""Probabilities are kept this far from 0 and 1 in the logarithmic loss."""


@dataclass(frozen=True)
class Reliability:
    """Cases in bins of their predicted probability.

    Attributes:
        low, high: smallest and largest prediction in each bin, shape (bins,).
        predicted: mean prediction, by weight.
        observed: fraction that came true, by weight; negative weights do not bring it below 0 or above 1.
        n: cases.
        which: bin of each case, shape (cases,).
        effective: cases of equal weight that would know the fraction as well, (sum w)^2 / sum w^2.
    """

    low: Floats
    high: Floats
    predicted: Floats
    observed: Floats
    n: NDArray[np.int64]
    which: NDArray[np.int64]
    effective: Floats

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One row per bin, with the 68 % interval of the observed fraction."""
        observed = wilson(self.observed * self.effective, self.effective)
        return [
            {
                "from": float(self.low[b]), "to": float(self.high[b]), "events": int(self.n[b]),
                "mean probability": float(self.predicted[b]),
                "fraction right": float(self.observed[b]),
                "low": float(observed.low[b]), "high": float(observed.high[b]),
            }
            for b in range(len(self.n))
        ]


def reliability(
    probability: ArrayLike, right: ArrayLike, bins: int = 15, weights: ArrayLike | None = None
) -> Reliability:
    """Sort cases into bins of nearly equal numbers; equal probabilities stay in one bin.

    Args:
        probability, right: of each case, shape (cases,).
        weights: of either sign, (cases,). Bins whose weights do not sum to more than 0 are NaN.
    """
    p, y, w = _cases(probability, right, weights)
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bins + 1)[1:-1]))
    _, which = np.unique(np.searchsorted(edges, p, side="left"), return_inverse=True)
    n = np.bincount(which)
    order = np.argsort(p, kind="stable")
    ends = np.cumsum(n)
    low, high = p[order[ends - n]], p[order[ends - 1]]
    total = np.bincount(which, w)
    total = np.where(total > 0, total, np.nan)
    observed = np.clip(np.bincount(which, w * y) / total, 0, 1)
    effective = total**2 / np.bincount(which, w**2)
    return Reliability(low, high, np.bincount(which, w * p) / total, observed, n, which, effective)


def calibration_error(
    probability: ArrayLike, right: ArrayLike, bins: int = 15, replicas: int = 200, seed: int = 0,
    weights: ArrayLike | None = None,
) -> Interval:
    """Return the expected calibration error with its bootstrap error.

    Sum over bins of (weight in the bin / all weight) |fraction right - mean probability|. Chance
    alone makes it larger than zero: about sqrt(2 p (1 - p) bins / (pi cases)).
    Source: C. Guo et al., arXiv:1706.04599, equation 3, with bins of equal numbers.

    Args:
        weights: of either sign, shape (cases,).
    """
    p, y, w = _cases(probability, right, weights)
    table = reliability(p, y, bins, weights)
    number = len(table.n)
    value = float(np.abs(np.bincount(table.which, w * (y - p), number)).sum() / w.sum())
    if len(p) > MANY:
        block = blocks_of(len(p), seed=seed)
        parts = [block_histograms(table.which, number, block, x) for x in (w * (y - p), w)]
        drawn = resampled(np.hstack(parts), replicas, seed)
        found = np.abs(drawn[:, :number]).sum(1) / drawn[:, number:].sum(1)
    else:
        excess = np.zeros((len(p), number))
        excess[np.arange(len(p)), table.which] = y - p
        found = np.abs(bootstrap_means(excess, replicas, seed, weights)).sum(1)
    # Replicas are biased upwards like the value itself: their width counts, not their place.
    error = float(found.std())
    return Interval(value, max(0.0, value - error), min(1.0, value + error))


def _cases(probability: ArrayLike, right: ArrayLike, weights: ArrayLike | None) -> tuple[Floats, Floats, Floats]:
    p, y = np.asarray(probability, float), np.asarray(right, float)
    return p, y, np.ones(len(p)) if weights is None else np.asarray(weights, float)


def brier_score(probability: ArrayLike, right: ArrayLike) -> Interval:
    """Return the mean squared distance between probability and outcome (G. W. Brier, 1950)."""
    p, y = np.asarray(probability, float), np.asarray(right, float)
    return mean((p - y) ** 2)


def log_loss(probability: ArrayLike, right: ArrayLike) -> Interval:
    """Return the mean of -log of the probability given to what happened."""
    p = np.clip(np.asarray(probability, float), LOG_FLOOR, 1 - LOG_FLOOR)
    return mean(-np.log(np.where(np.asarray(right, bool), p, 1 - p)))
