"""Whether a cut on a score changes the shape of the background: Jensen-Shannon divergence, judged against chance.

The spectra of background jets that pass and that fail differ by chance, too. So the divergence is
given less its mean under shuffling, in which the jets that pass are drawn at random, and with the
probability that shuffling gives as much. Its inverse, 1/JSD, is limited by the number of jets that
pass, and stands beside that limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import pearson3, skew

from .event_blocks import block_histograms, blocks_of, resampled
from .multiple_tests import holm
from .uncertainty import Floats, Interval, chunks

BINS = 50
"""Bins of equal content in one variable."""

BINS_TOGETHER = 15
"""Bins of equal content in each of two variables or more."""

SHUFFLES = 5000
REPLICAS = 200

WEIGHT_GROUPS = 6
"""Groups of similar weights of each sign, inside which shuffling takes the mean and the spread."""

MANY = 20
"""Shuffles that reach the divergence, from which their share is its probability."""


@dataclass(frozen=True)
class Sculpting:
    """How far the spectra of passing and failing background are from each other.

    Attributes:
        divergence: Jensen-Shannon divergence in bits, from 0 for equal shapes to 1 for apart.
        chance: its mean under shuffling.
        excess: divergence less chance, with its 68 % interval.
        p_value: of the hypothesis that the mass has no part in what passes.
        bins: that hold jets.
        passing, failing: effective numbers of jets, (sum w)^2 / sum w^2.
        floored: bins of either spectrum whose weights sum to less than zero, and count as empty.
        outside: jets in no bin, which are left out.
    """

    divergence: float
    chance: float
    excess: Interval
    p_value: float
    bins: int
    passing: float
    failing: float
    floored: int
    outside: int

    @property
    def inverse(self) -> float:
        """1/JSD: the larger, the flatter."""
        return 1 / self.divergence if self.divergence > 0 else np.inf

    @property
    def ceiling(self) -> float:
        """1/JSD that as many jets of a perfectly flat score have; more than this is luck."""
        return 1 / self.chance if self.chance > 0 else np.inf


def jensen_shannon(p: ArrayLike, q: ArrayLike) -> Floats:
    """Return the Jensen-Shannon divergence of two histograms in bits, shape (...).

    (KL(p || m) + KL(q || m)) / 2 with m = (p + q) / 2, of the histograms over their sums; negative
    bins count as empty. NaN where a histogram is empty.
    Source: J. Lin, IEEE Trans. Inf. Theory 37 (1991) 145.

    Args:
        p, q: shape (..., bins).
    """
    shapes = []
    for histogram in (p, q):
        content = np.maximum(np.asarray(histogram, float), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            shapes.append(content / content.sum(-1, keepdims=True))
    middle = (shapes[0] + shapes[1]) / 2
    parts = []
    for shape in shapes:
        with np.errstate(invalid="ignore", divide="ignore"):
            parts.append(np.where(shape == 0, 0.0, shape * np.log2(shape / middle)).sum(-1))
    divergence: Floats = np.asarray((parts[0] + parts[1]) / 2)
    return divergence


def chance_divergence(bins: int, passing: float, failing: float) -> float:
    """Return the mean Jensen-Shannon divergence of a flat score, (K - 1) / (8 ln 2) (1 / n_pass + 1 / n_fail).

    To leading order in 1 / n: the divergence is 1 / (8 ln 2) of the chi^2 distance of the shapes. It holds
    where bins hold some ten jets or more; shuffling holds always.

    Args:
        bins: K, that hold jets.
        passing, failing: numbers of jets.
    """
    return float((bins - 1) / (8 * np.log(2)) * (1 / passing + 1 / failing))


def equal_edges(values: ArrayLike, bins: int = BINS, weights: ArrayLike | None = None) -> Floats:
    """Return the edges of bins that hold equal parts of the jets, rising, at most (bins + 1,).

    Args:
        values: (n,), of which those that are not finite are left out.
        weights: (n,); their sizes count.
    """
    v = np.asarray(values, float)
    usable = np.isfinite(v)
    w = np.ones(len(v)) if weights is None else np.abs(np.asarray(weights, float))
    v, w = v[usable], w[usable]
    order = np.argsort(v)
    held = np.cumsum(w[order])
    at = np.searchsorted(held, np.linspace(0, 1, bins + 1)[1:-1] * held[-1])
    # The last edge is above the largest value, as bins do not hold their upper edge.
    return np.unique([*v[order][at], v.min(), np.nextafter(v.max(), np.inf)])


def cells(values: Sequence[ArrayLike], edges: Sequence[ArrayLike]) -> tuple[NDArray[np.int64], int]:
    """Return the cell of each jet in bins of all variables together, (n,), -1 outside, and the number of cells.

    Args:
        values: of each variable, (n,).
        edges: of each variable, rising.
    """
    cell, number = np.zeros(len(np.asarray(values[0])), dtype=np.int64), 1
    outside = np.zeros(len(cell), dtype=bool)
    for variable, boundaries in zip(values, edges, strict=True):
        e = np.asarray(boundaries, float)
        place = np.searchsorted(e, np.asarray(variable, float), side="right") - 1
        outside |= (place < 0) | (place >= len(e) - 1)
        cell, number = cell * (len(e) - 1) + place, number * (len(e) - 1)
    return np.where(outside, -1, cell), number


def sculpting(
    passed: ArrayLike, cell: NDArray[np.int64], number: int, weights: ArrayLike | None = None,
    event: ArrayLike | None = None, shuffles: int = SHUFFLES, replicas: int = REPLICAS, seed: int = 0,
) -> Sculpting:
    """Return how a cut changes the shape of the background.

    The error is that of resampled events. Resampling adds as much noise again, which near zero makes
    it too wide: twice the variance of shuffling is taken off, and that of shuffling is the least.
    The p-value is the share of shuffles that reach the divergence; where few or none of them do it
    is the tail of a Pearson distribution with their mean, variance and skewness (E. S. Pearson,
    Biometrika 29 (1937) 53, of permutation tests), which is within a factor of two at 1e-4.

    Args:
        passed: whether each background jet passes the cut, (n,).
        cell, number: by `cells`.
        weights: of either sign, (n,).
        event: (n,), whose jets are resampled together. Shuffling takes jets as independent.

    Raises:
        ValueError: no jets, or no positive weight, pass or fail.
    """
    flag, w = np.asarray(passed, bool), np.ones(len(cell)) if weights is None else np.asarray(weights, float)
    inside = cell >= 0
    jets = flag[inside], cell[inside], w[inside]
    block = blocks_of(len(cell), event, seed=seed)
    drawn = resampled(block_histograms(np.where(inside, 2 * cell + flag, -1), 2 * number, block, w), replicas, seed)
    spectra = np.bincount(2 * jets[1] + jets[0], jets[2], 2 * number).reshape(number, 2)
    if not np.maximum(spectra, 0).sum(0).all():
        raise ValueError("both passing and failing background jets are needed, with weights above zero")
    value = float(jensen_shannon(spectra[:, 1], spectra[:, 0]))
    others = drawn.reshape(replicas, number, 2)
    chance = shuffled(*jets, shuffles, seed)
    error = _error(jensen_shannon(others[..., 1], others[..., 0]), chance)
    mean = float(chance.mean())
    failing, passing = (_effective(jets[2][jets[0] == kind]) for kind in (False, True))
    return Sculpting(
        value, mean, Interval(value - mean, value - mean - error, value - mean + error), _p_value(value, chance),
        len(np.unique(jets[1])), passing, failing, int((spectra < 0).sum()), int((~inside).sum()),
    )


def sculpting_of(
    passed: ArrayLike, variables: Mapping[str, ArrayLike], edges: Mapping[str, ArrayLike] | None = None,
    weights: ArrayLike | None = None, event: ArrayLike | None = None, seed: int = 0,
) -> tuple[dict[str, Sculpting], dict[str, float]]:
    """Return the sculpting in each variable and in all together, and the p-values corrected for their number.

    Args:
        passed: whether each background jet passes the cut, (n,).
        variables: name -> values, (n,), such as the mass and the transverse momentum in GeV.
        edges: name -> edges of the bins of that variable alone; by default they hold equal parts.
        weights, event: as for `sculpting`.

    Returns:
        By the names of the variables, and by all names with commas; the second by Holm's method.
    """
    found = {}
    given = edges or {}
    for name, values in variables.items():
        own = given[name] if name in given else equal_edges(values, BINS, weights)
        found[name] = sculpting(passed, *cells([values], [own]), weights, event, seed=seed)
    if len(variables) > 1:
        coarse = [equal_edges(values, BINS_TOGETHER, weights) for values in variables.values()]
        together = cells(list(variables.values()), coarse)
        found[", ".join(variables)] = sculpting(passed, *together, weights, event, seed=seed)
    corrected = holm([one.p_value for one in found.values()])
    return found, dict(zip(found, corrected.tolist(), strict=True))


def shuffled(
    passed: NDArray[np.bool_], cell: NDArray[np.int64], weights: Floats, shuffles: int = SHUFFLES, seed: int = 0
) -> Floats:
    """Return the divergences where as many jets as pass are drawn at random, (shuffles,).

    How many come from each cell and group of weights is hypergeometric, which is exact where all
    weights of a group are equal; else the sum of their weights is Gaussian about its mean.

    Args:
        passed, cell, weights: of each jet, (n,).
    """
    rng = np.random.default_rng(seed)
    pattern, which = np.unique(cell * 2 * WEIGHT_GROUPS + _weight_groups(weights), return_inverse=True)
    n = np.bincount(which)
    mean = np.bincount(which, weights) / n
    spread2 = np.bincount(which, (weights - mean[which]) ** 2) / np.maximum(n - 1, 1)
    starts = np.flatnonzero(np.diff(pattern // (2 * WEIGHT_GROUPS), prepend=-1))
    everything = np.add.reduceat(n * mean, starts)
    found = []
    for count in chunks(shuffles, len(n)):
        taken = rng.multivariate_hypergeometric(n, int(passed.sum()), count, method="marginals")
        sums = taken * mean
        if spread2.any():
            sums += np.sqrt(taken * (1 - taken / n) * spread2) * rng.normal(size=taken.shape)
        passing = np.add.reduceat(sums, starts, axis=1)
        found.append(jensen_shannon(passing, everything - passing))
    return np.concatenate(found)


def _weight_groups(weights: Floats) -> NDArray[np.int64]:
    """Return a number for the weights that are alike and of one sign, 0 ... 2 WEIGHT_GROUPS - 1."""
    group = np.zeros(len(weights), dtype=np.int64)
    for first, of_sign in ((0, weights >= 0), (WEIGHT_GROUPS, weights < 0)):
        own = weights[of_sign]
        if not len(own):
            continue
        distinct = np.unique(own)
        if len(distinct) > WEIGHT_GROUPS:
            distinct = np.quantile(own, np.arange(WEIGHT_GROUPS) / WEIGHT_GROUPS)
        group[of_sign] = first + np.maximum(np.searchsorted(distinct, own, side="right") - 1, 0)
    return group


def _error(replicas: Floats, chance: Floats) -> float:
    """Return the standard error of a divergence by resamplings and shuffles."""
    least = float(chance.var())
    return float(np.sqrt(max(least, float(replicas.var()) - 2 * least)))


def _p_value(value: float, chance: Floats) -> float:
    reached = int((chance >= value).sum())
    share = (1 + reached) / (1 + len(chance))
    if reached >= MANY or not chance.std() > 0:
        return share
    return min(share, float(pearson3.sf(value, skew(chance), chance.mean(), chance.std())))


def _effective(weights: Floats) -> float:
    return float(weights.sum() ** 2 / (weights**2).sum())
