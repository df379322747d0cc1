"""Fit the tables to pairs without truth: expectation maximisation around iterative proportional fitting.

A pair in the window is a true one with the probability that the factors give it. Each table in its turn is set so that
the random pairs, times all factors, have in each of its bins as many as the true pairs (W. E. Deming, F. F. Stephan, Ann.
Math. Statist. 11 (1940) 427), and then the probabilities are told anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter

from ....io.ragged import Array
from .tables import AXES, BINS, table_log_ratio

ROUNDS = 8

SMOOTHING = (2.7, 30_000)
"""Bins, standard deviation of what counts are smoothed with, for so many true pairs; it goes with their number to the
power of -1/6 (D. W. Scott, Multivariate Density Estimation (1992), for two dimensions)."""

PRIOR = 0.4
"""Pairs that each bin is taken to have had, in the mean ratio."""

LARGEST = 30.0
"""Logarithm of a ratio beyond which a pair is true for sure."""


class Binned(NamedTuple):
    """What the fit gets.

    Attributes:
        prompts, randoms: bins of pairs in the window and of pairs that are none, see `tables.table_bins`.
        start: logarithm of the ratio of each prompt pair, to begin with.
        share: random pairs in the window over `randoms`.
    """

    prompts: Array
    randoms: Array
    start: Array
    share: float

    def half(self, number: int) -> Binned:
        """Return every other pair."""
        return Binned(self.prompts[:, number::2], self.randoms[:, number::2], self.start[number::2], self.share)


class CrossFit(NamedTuple):
    """Logarithms of the ratio of pairs, each told by the half of the pairs that it is not of."""

    prompts: Array
    randoms: Array


def fit_tables(pairs: Binned) -> Array:
    """Return the logarithms of the factors, float64 (len(AXES), BINS^2)."""
    tables = np.zeros((len(AXES), BINS * BINS))
    true = probability(pairs.start)
    width = _width(true.sum())
    prompts, randoms = np.zeros(pairs.prompts.shape[1]), np.full(pairs.randoms.shape[1], np.log(pairs.share))
    for _ in range(ROUNDS):
        for number, table in enumerate(tables):
            step = _step(pairs.prompts[number], true, pairs.randoms[number], np.exp(randoms), width)
            table += step
            prompts += step[pairs.prompts[number]]
            randoms += step[pairs.randoms[number]]
        true = probability(prompts)
    return tables


def cross_fit(pairs: Binned) -> CrossFit:
    """Return what each half of the pairs tells of the other, since tables are too sure of the pairs that they were fitted to."""
    found = CrossFit(np.zeros(pairs.prompts.shape[1]), np.zeros(pairs.randoms.shape[1]))
    for number in (0, 1):
        tables, other = fit_tables(pairs.half(number)), pairs.half(1 - number)
        found.prompts[1 - number :: 2] = table_log_ratio(tables, other.prompts)
        found.randoms[1 - number :: 2] = table_log_ratio(tables, other.randoms)
    return found


def probability(log_ratio: Array) -> Array:
    """Return the probability that pairs are no random ones, from the logarithm of the ratio of both."""
    found: Array = 1 / (1 + np.exp(-np.clip(log_ratio, -LARGEST, LARGEST)))
    return found


def _width(n_true: float) -> float:
    width, of = SMOOTHING
    return float(width * (of / max(n_true, 1.0)) ** (1 / 6))


def _step(prompts: Array, true: Array, randoms: Array, expected: Array, width: float) -> Array:
    """Return what is added to a table so that the expected pairs in its bins are the true ones."""
    smooth = (gaussian_filter(np.bincount(bins, weights, BINS * BINS).reshape(BINS, BINS), width, mode="nearest").ravel()
              for bins, weights in ((prompts, true), (randoms, expected)))
    counts, wanted = smooth
    mean = counts.sum() / wanted.sum()
    found: Array = np.log((counts + PRIOR) / (wanted + PRIOR / mean))
    return found
