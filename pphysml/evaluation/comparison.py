"""Two methods on the same cases: the difference, its error and its significance.

Cases are paired: what is hard for one method is often hard for the other, so the error of the
difference is smaller than the errors of the two numbers suggest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp, ndtr, ndtri_exp, stdtrit
from scipy.stats import binom

from .uncertainty import (
    LEVEL,
    Floats,
    Interval,
    bootstrap_means,
    mean,
    percentile_interval,
)

EXACT_LIMIT = 10_000
"""Discordant cases up to which McNemar's test sums the binomial distribution."""


class McNemar(NamedTuple):
    """McNemar's test of two methods on the same cases.

    Attributes:
        only_a, only_b: cases that only one of them has right.
        p_value: two-sided, under the hypothesis that both are equally good.
        sigma: the same in standard deviations; positive where `a` is better.
    """

    only_a: int
    only_b: int
    p_value: float
    sigma: float


class SeedMean(NamedTuple):
    """Mean over trainings that differ by their seed, and how far single ones scatter."""

    value: float
    low: float
    high: float
    spread: float
    n: int


def paired_difference(a: ArrayLike, b: ArrayLike, weights: ArrayLike | None = None) -> Interval:
    """Return mean(a) - mean(b) over the same cases, with the error of the paired difference.

    Raises:
        ValueError: different numbers of cases.
    """
    first, second = _paired(a, b)
    return mean(first - second, weights)


def bootstrap_difference(
    a: ArrayLike,
    b: ArrayLike,
    weights: ArrayLike | None = None,
    replicas: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return mean(a) - mean(b) with the central interval of resampled pairs.

    Raises:
        ValueError: different numbers of cases.
    """
    first, second = _paired(a, b)
    drawn = bootstrap_means(first - second, replicas, seed, weights)[:, 0]
    return percentile_interval(paired_difference(first, second, weights).value, drawn)


def mcnemar(a: ArrayLike, b: ArrayLike) -> McNemar:
    """Return McNemar's test for right-or-wrong cases: binomial, or normal for very many.

    Raises:
        ValueError: different numbers of cases.
    Source: Q. McNemar, Psychometrika 12 (1947) 153.
    """
    first, second = (x.astype(bool) for x in _paired(a, b))
    only_a, only_b = int((first & ~second).sum()), int((second & ~first).sum())
    discordant = only_a + only_b
    if only_a == only_b:
        return McNemar(only_a, only_b, 1.0, 0.0)
    if discordant <= EXACT_LIMIT:
        # In logarithms: a clear difference has a probability below the smallest number.
        tails = binom.logpmf(np.arange(min(only_a, only_b) + 1), discordant, 0.5)
        log_tail = float(logsumexp(tails))
        size = max(0.0, -float(ndtri_exp(log_tail)))
        p_value = min(1.0, 2 * float(np.exp(log_tail)))
    else:
        size = abs(only_a - only_b) / float(np.sqrt(discordant))
        p_value = 2 * float(ndtr(-size))
    return McNemar(only_a, only_b, p_value, size if only_a > only_b else -size)


def gap_share(
    method: ArrayLike,
    baseline: ArrayLike,
    ceiling: ArrayLike,
    weights: ArrayLike | None = None,
    replicas: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return the share of the gap between baseline and ceiling that a method closes.

    (mean(method) - mean(baseline)) / (mean(ceiling) - mean(baseline)): 0 is as good as the
    baseline, 1 as good as can be. The interval is that of resampled cases, the same for all three.

    Args:
        method, baseline: per-case values, shape (n,).
        ceiling: per-case values, or one number, such as 1 where every case can be right.

    Returns:
        NaN where there is no gap.

    Raises:
        ValueError: different numbers of cases.
    """
    best = np.asarray(ceiling, float)
    ours, theirs = _paired(method, baseline)
    if best.ndim == 0:
        best = np.full(len(ours), best)
    _paired(ours, best)
    values = np.column_stack([ours, theirs, best])
    w = np.ones(len(ours)) if weights is None else np.asarray(weights, float)
    centre = (values * w[:, None]).sum(0) / w.sum()
    drawn = bootstrap_means(values, replicas, seed, weights)
    return percentile_interval(float(_share(centre[None])[0]), _share(drawn))


def mean_over_seeds(values: Sequence[float], level: float = LEVEL) -> SeedMean:
    """Return the mean over seeds with Student's interval; NaN errors with a single seed."""
    v = np.asarray(values, float)
    average, n = float(v.mean()), len(v)
    if n < 2:
        return SeedMean(average, np.nan, np.nan, np.nan, n)
    spread = float(v.std(ddof=1))
    half = float(stdtrit(n - 1, 0.5 + level / 2)) * spread / float(np.sqrt(n))
    return SeedMean(average, average - half, average + half, spread, n)


def _share(means: Floats) -> Floats:
    gap = means[:, 2] - means[:, 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        share: Floats = np.where(gap == 0, np.nan, (means[:, 0] - means[:, 1]) / gap)
    return share


def _paired(a: ArrayLike, b: ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(a, float), np.asarray(b, float)
    if first.shape != second.shape or first.ndim != 1 or not len(first):
        raise ValueError(f"paired cases need equal shapes (n,), got {first.shape} and {second.shape}")
    return first, second
