"""Fit the tables to pairs without truth: expectation maximisation around iterative proportional fitting.

A pair in the window is a true one with the probability that the factors give it. Each table in its turn is set so that
the random pairs, times all factors, have in each of its bins as many as the true pairs (W. E. Deming, F. F. Stephan, Ann.
Math. Statist. 11 (1940) 427), and then the probabilities are told anew.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter
from scipy.special import logsumexp

from ....io.ragged import Array
from .tables import AXES, BINS, table_log_ratio

ROUNDS = 10

SMOOTHING = (2.7, 30_000)
"""Bins, standard deviation of what counts are smoothed with, for so many true pairs; it goes with their number to the
power of -1/6 (D. W. Scott, Multivariate Density Estimation (1992), for two dimensions)."""

PRIOR = 0.4
"""Pairs that each bin is taken to have had, in the mean ratio."""

SIGNIFICANT = 3.0
"""Standard deviations of what is counted."""

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
    """Return the logarithms of the factors, float64 (components, len(AXES), BINS^2).

    There is a second component where more true pairs are counted than there are to begin with: beside a small source, scattered
    pairs have other lines in every respect, which no factors of the unscattered ones describe.
    """
    first = probability(pairs.start)
    width = _width(first.sum())
    further = _counted(pairs, first, width)
    components = [_Component(pairs, first, width)]
    if further.any():
        components.append(_Component(pairs, further * (1 - first), _width((further * (1 - first)).sum())))
    for _ in range(ROUNDS):
        for component in components:
            component.improve()
        total = logsumexp([component.prompts for component in components], axis=0)
        for component in components:
            component.true = probability(total) * np.exp(component.prompts - total)
    return np.stack([component.tables for component in components])


class _Component:
    """Factors of one kind of true pairs while they are fitted.

    Attributes:
        tables: logarithms of the factors; prompts, randoms: their sums for each pair, with the share of the random ones.
        true: probability that each prompt pair is of this kind.
    """

    def __init__(self, pairs: Binned, true: Array, width: float) -> None:
        self.pairs, self.true, self.width = pairs, true, width
        self.tables = np.zeros((len(AXES), BINS * BINS))
        self.prompts, self.randoms = np.zeros(pairs.prompts.shape[1]), np.full(pairs.randoms.shape[1], np.log(pairs.share))

    def improve(self) -> None:
        """Set each table in its turn."""
        for number, table in enumerate(self.tables):
            step = _step(self.pairs.prompts[number], self.true, self.pairs.randoms[number], np.exp(self.randoms), self.width)
            table += step
            self.prompts += step[self.pairs.prompts[number]]
            self.randoms += step[self.pairs.randoms[number]]


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


def _counted(pairs: Binned, true: Array, width: float) -> Array:
    """Return the share of the prompt pairs in the bins of each one that is no random pair, the smallest of all tables, where one has more of them than `true` says, and no chance.

    Where nearly all pairs are random the expectation maximisation takes hundreds of rounds to find the few true ones, such as
    the scattered ones beside a small source, if it begins without them.
    """
    smallest, missing = np.ones(pairs.prompts.shape[1]), np.zeros(pairs.prompts.shape[1], dtype=bool)
    # A Gaussian filter averages over as many bins.
    area = max(4 * np.pi * width**2, 1.0)
    for prompts, randoms in zip(pairs.prompts, pairs.randoms, strict=True):
        found, known, expected = (gaussian_filter(np.bincount(bins, weights, BINS * BINS).reshape(BINS, BINS).astype(np.float64), width, mode="nearest").ravel()
                                  for bins, weights in ((prompts, None), (prompts, true), (randoms, None)))
        excess = found - pairs.share * expected
        sure = excess - known > SIGNIFICANT * np.sqrt((found + pairs.share**2 * expected) / area)
        missing |= sure[prompts]
        smallest = np.minimum(smallest, (np.maximum(excess, 0.0) / np.maximum(found, 1e-300))[prompts])
    return np.where(missing, smallest, 0.0)


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
