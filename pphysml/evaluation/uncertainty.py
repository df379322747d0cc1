"""Intervals for fractions, means and anything that can be resampled; 68.27 % unless another level is given.

An `Interval` holds numbers, or arrays where the counts are arrays. Without cases the value is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, ndtri

Floats = NDArray[np.float64]

LEVEL = 0.6826894921370859
"""Probability content of one standard deviation to either side of a Gaussian's mean."""

MAX_RESAMPLED = 2**22
"""Resampled values held at a time, so that memory does not grow with the number of replicas."""


class Interval(NamedTuple):
    """A value and the ends of its confidence interval."""

    value: Any
    low: Any
    high: Any


def wilson(passed: ArrayLike, n: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the fraction passed / n with its Wilson score interval.

    The counts may be real numbers, as effective counts are. It stays inside [0, 1] and has a width
    for 0 and for n of n, where the Gaussian error is zero.
    Source: E. B. Wilson, J. Am. Stat. Assoc. 22 (1927) 209.
    """
    k, total = np.asarray(passed, float), np.asarray(n, float)
    z2 = ndtri(0.5 + level / 2) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = k / total
        centre = (k + z2 / 2) / (total + z2)
        half = np.sqrt(z2 * (total * fraction * (1 - fraction) + z2 / 4)) / (total + z2)
    # Rounding must not put the fractions 0 and 1 outside their own interval.
    low = np.where(k <= 0, 0.0, np.maximum(centre - half, 0))
    high = np.where(k >= total, 1.0, np.minimum(centre + half, 1))
    return _interval(fraction, np.where(total > 0, low, 0.0), np.where(total > 0, high, 1.0))


def clopper_pearson(passed: ArrayLike, n: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the fraction passed / n with its central interval that never covers too rarely.

    Source: C. J. Clopper, E. S. Pearson, Biometrika 26 (1934) 404.
    """
    k, total = np.broadcast_arrays(np.asarray(passed, float), np.asarray(n, float))
    tail = (1 - level) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        fraction = k / total
    low = np.where(k > 0, betaincinv(np.maximum(k, 1), total - k + 1, tail), 0.0)
    high = np.where(k < total, betaincinv(k + 1, np.maximum(total - k, 1), 1 - tail), 1.0)
    return _interval(fraction, low, high)


def weighted_fraction(passed: ArrayLike, weights: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the weighted fraction of passed cases; Wilson with its effective number of cases.

    The variance is that of the ratio of sums, sum w^2 (y - f)^2 / (sum w)^2.

    Raises:
        ValueError: the weights do not sum to something above zero.
    """
    y, w = np.asarray(passed, float), np.asarray(weights, float)
    if not len(y):
        return wilson(0, 0, level)
    if not w.sum() > 0:
        raise ValueError("the weights must sum to something above zero")
    fraction = float((w * y).sum() / w.sum())
    variance = float((w**2 * (y - fraction) ** 2).sum() / w.sum() ** 2)
    return _from_variance(fraction, variance, float(w.sum() ** 2 / (w**2).sum()), level)


def clustered_fraction(passed: ArrayLike, size: ArrayLike, level: float = LEVEL) -> Interval:
    """Return sum(passed) / sum(size), where the cases inside a cluster depend on each other.

    Args:
        passed, size: passed cases and all cases of each cluster, shape (clusters,).

    Clusters, not cases, count as independent: variance sum (k - f s)^2 / (sum s)^2.
    Source: W. G. Cochran, Sampling Techniques (1977), equation 6.13.
    """
    k, s = np.asarray(passed, float), np.asarray(size, float)
    if not s.sum():
        return wilson(0, 0, level)
    fraction = float(k.sum() / s.sum())
    variance = float(((k - fraction * s) ** 2).sum() / s.sum() ** 2)
    return _from_variance(fraction, variance, float(s.sum() ** 2 / (s**2).sum()), level)


def stratified_fraction(passed: ArrayLike, stratum: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the mean over strata of each stratum's fraction, every stratum counting alike.

    The strata are taken as given: the error is that of the fractions inside them. For it each
    stratum is moved by one case towards the mean, lest few cases that all passed seem certain.
    """
    y = np.asarray(passed, float)
    if not len(y):
        return wilson(0, 0, level)
    _, which, n = np.unique(np.asarray(stratum), return_inverse=True, return_counts=True)
    k = np.bincount(which, y)
    fraction = float((k / n).mean())
    moved = (k + fraction) / (n + 1)
    variance = float((moved * (1 - moved) * (n + 1) / n**2).sum() / len(n) ** 2)
    return _from_variance(fraction, variance, len(n) ** 2 / float((1 / n).sum()), level)


def sampled_strata_fraction(passed: ArrayLike, stratum: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the mean over strata of each stratum's fraction, where the strata are a random sample of many.

    The fractions scatter by the choice of the strata and by the cases inside them; their variance over
    their number covers both (W. G. Cochran, Sampling Techniques (1977), equation 10.15).
    """
    y = np.asarray(passed, float)
    if not len(y):
        return wilson(0, 0, level)
    _, which, n = np.unique(np.asarray(stratum), return_inverse=True, return_counts=True)
    fractions = np.bincount(which, y) / n
    fraction, strata = float(fractions.mean()), len(n)
    variance = float(((fractions - fraction) ** 2).sum() / max(strata - 1, 1) / strata)
    return _from_variance(fraction, variance, strata, level)


def mean(values: ArrayLike, weights: ArrayLike | None = None, level: float = LEVEL) -> Interval:
    """Return the (weighted) mean with its Gaussian error; infinite with a single case."""
    y = np.asarray(values, float)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, float)
    if not len(y):
        return Interval(np.nan, np.nan, np.nan)
    average = float((w * y).sum() / w.sum())
    if len(y) == 1:
        return Interval(average, -np.inf, np.inf)
    scatter = float((w**2 * (y - average) ** 2).sum()) * len(y) / (len(y) - 1)
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(scatter) / float(w.sum())
    return Interval(average, average - half, average + half)


def bootstrap(
    statistic: Callable[..., Any], cases: Sequence[ArrayLike], replicas: int = 1000, seed: int = 0
) -> Floats:
    """Return the statistic of `replicas` resamplings of the cases, shape (replicas,).

    Args:
        statistic: called with one array (some replicas, n) per column; reduces the last axis.
        cases: columns of equal length n; their rows are drawn together, with replacement.

    Source: B. Efron, Ann. Stat. 7 (1979) 1.
    """
    columns = [np.asarray(column) for column in cases]
    rng, n = np.random.default_rng(seed), len(columns[0])
    parts = []
    for count in chunks(replicas, n * len(columns)):
        rows = rng.integers(n, size=(count, n))
        parts.append(np.asarray(statistic(*(column[rows] for column in columns)), float))
    return np.concatenate(parts)


def bootstrap_means(
    values: ArrayLike, replicas: int = 1000, seed: int = 0, weights: ArrayLike | None = None
) -> Floats:
    """Return the means of each column over resampled cases, shape (replicas, columns).

    Args:
        values: shape (n,) or (n, columns).
        weights: (n,), of each case, resampled with it.

    What is a function of means needs no more than this: differences, ratios, calibration errors.
    Equal cases are drawn together, so that millions of right-or-wrong cases cost nothing.
    """
    y = np.asarray(values, float)
    y = y.reshape(len(y), -1)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, float)
    patterns, counts = np.unique(np.column_stack([y, w]), axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    parts = []
    for count in chunks(replicas, len(patterns)):
        drawn = _times_drawn(rng, counts, count) * patterns[:, -1]
        parts.append(drawn @ patterns[:, :-1] / drawn.sum(1, keepdims=True))
    return np.concatenate(parts)


def bootstrap_fraction(
    passed: ArrayLike, size: ArrayLike, replicas: int = 1000, seed: int = 0, level: float = LEVEL
) -> Interval:
    """Return sum(passed) / sum(size) with the central interval over resampled clusters.

    Args:
        passed, size: sums of each cluster, shape (clusters,); a cluster may have none of either.

    Where every replica agrees, as for 0 and for n of n, the interval is that of `clustered_fraction`.
    """
    k, s = np.asarray(passed, float), np.asarray(size, float)
    if not s.sum():
        return wilson(0, 0, level)
    drawn = bootstrap_means(np.column_stack([k, s]), replicas, seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        interval = percentile_interval(float(k.sum() / s.sum()), drawn[:, 0] / drawn[:, 1], level)
    return interval if interval.low < interval.high else clustered_fraction(k, s, level)


def percentile_interval(value: float, replicas: ArrayLike, level: float = LEVEL) -> Interval:
    """Return the value with the central interval of its replicas; NaN replicas are left out."""
    tail = (1 - level) / 2
    usable = np.asarray(replicas, float)
    usable = usable[np.isfinite(usable)]
    if not len(usable):
        return Interval(value, np.nan, np.nan)
    low, high = np.quantile(usable, [tail, 1 - tail])
    return Interval(value, float(low), float(high))


def chunks(replicas: int, size: int) -> Iterator[int]:
    """Yield numbers of replicas that sum to all, each of `MAX_RESAMPLED` values at most, of which one has `size`."""
    step = max(1, MAX_RESAMPLED // max(size, 1))
    for start in range(0, replicas, step):
        yield min(step, replicas - start)


def _times_drawn(rng: np.random.Generator, counts: NDArray[np.int64], replicas: int) -> Floats:
    """Return how often each pattern is among as many cases drawn, (replicas, patterns)."""
    n, patterns = int(counts.sum()), len(counts)
    if 2 * patterns < n:
        return rng.multinomial(n, counts / n, size=replicas).astype(float)
    # Where few cases repeat, drawing them one by one is faster.
    pattern = np.repeat(np.arange(patterns), counts)[rng.integers(n, size=(replicas, n))]
    cell = pattern + patterns * np.arange(replicas)[:, None]
    times = np.bincount(cell.ravel(), minlength=replicas * patterns)
    return times.reshape(replicas, patterns).astype(float)


def _from_variance(fraction: float, variance: float, kish: float, level: float) -> Interval:
    """Wilson interval for the number of independent cases that would have this variance."""
    # Negative weights may bring a fraction below 0 or above 1; its interval is that of 0 or 1 then.
    inside = min(1.0, max(0.0, fraction))
    # There every case agrees, or seems to, and the variance says nothing: Kish's number instead.
    n = inside * (1 - inside) / variance if variance > 1e-15 and 0 < inside < 1 else kish
    return wilson(inside * n, n, level)._replace(value=inside)


def _interval(value: Floats, low: Floats, high: Floats) -> Interval:
    if np.ndim(value) == 0:
        return Interval(float(value), float(low), float(high))
    return Interval(value, low, high)
