"""Whether the probabilities of several classes are frequencies: Brier skill, top label, each class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .calibration import Reliability, calibration_error, reliability
from .influence import Comparison, Estimate, difference, interval
from .uncertainty import Floats, Interval

SUM_TOLERANCE = 1e-3
"""How far the probabilities of a case may be from 1 in their sum, as those of half precision are."""


class Calibration(NamedTuple):
    """Cases in bins of their probability, and the expected calibration error."""

    table: Reliability
    error: Interval


def brier_skill(
    probabilities: ArrayLike, label: ArrayLike, weights: ArrayLike | None = None, event: ArrayLike | None = None
) -> Interval:
    """Return the Brier skill score: 1 - B / B_prior, with B = mean of sum over classes of (p_c - y_c)^2.

    B_prior is that of stating the frequencies of the classes for every case, 1 - sum over classes of
    their squares. 1 is perfect, 0 as good as knowing the frequencies, negative worse.
    Source: G. W. Brier, Mon. Weather Rev. 78 (1950) 1; D. S. Wilks, Statistical Methods in the
    Atmospheric Sciences (2019), chapter 9.

    Args:
        probabilities: of each class, shape (n, classes), rows of sum 1.
        label: number of the true class, (n,).
        weights: of either sign, (n,).
        event: (n,), whose cases count as one for the error.

    Raises:
        ValueError: probabilities that do not sum to 1, or only one class.
    """
    return interval(_skill(probabilities, label, weights), event)


def brier_skill_difference(
    a: ArrayLike, b: ArrayLike, label: ArrayLike, weights: ArrayLike | None = None, event: ArrayLike | None = None
) -> Comparison:
    """Return the Brier skill score of probabilities a minus that of b, of the same cases, with its paired error."""
    return difference(_skill(a, label, weights), _skill(b, label, weights), event)


def top_label(probabilities: ArrayLike, label: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the probability of each case's most probable class, and whether that is the true one, each (n,)."""
    p, y = _checked(probabilities, label)
    best = p.argmax(1)
    return p[np.arange(len(p)), best], best == y


def top_label_calibration(
    probabilities: ArrayLike, label: ArrayLike, bins: int = 15, weights: ArrayLike | None = None, seed: int = 0
) -> Calibration:
    """Return how often the most probable class is the true one, against its probability.

    Source: C. Guo et al., arXiv:1706.04599.
    """
    confidence, right = top_label(probabilities, label)
    return _calibration(confidence, right, bins, weights, seed)


def calibration_of_classes(
    probabilities: ArrayLike, label: ArrayLike, classes: Sequence[str], bins: int = 15,
    weights: ArrayLike | None = None, seed: int = 0,
) -> dict[str, Calibration]:
    """Return how often each class is the true one, against the probability that it was given.

    A network may be calibrated for the class that it prefers and not for the others.
    Source: M. Kull et al., arXiv:1910.12656 (classwise calibration).

    Args:
        classes: their names, in the order of the probabilities.
    """
    p, y = _checked(probabilities, label)
    return {name: _calibration(p[:, c], y == c, bins, weights, seed) for c, name in enumerate(classes)}


def _calibration(p: Floats, right: NDArray[np.bool_], bins: int, weights: ArrayLike | None, seed: int) -> Calibration:
    return Calibration(reliability(p, right, bins, weights), calibration_error(p, right, bins, seed=seed, weights=weights))


def _skill(probabilities: ArrayLike, label: ArrayLike, weights: ArrayLike | None) -> Estimate:
    p, y = _checked(probabilities, label)
    w = np.ones(len(p)) if weights is None else np.asarray(weights, float)
    share = w / w.sum()
    prior = np.bincount(y, share, p.shape[1])
    reference = float(1 - (prior**2).sum())
    if len(np.unique(y)) < 2 or not reference > 0:
        raise ValueError("a Brier skill score needs cases of two classes or more")
    score = (p**2).sum(1) - 2 * p[np.arange(len(p)), y] + 1
    value = float((share * score).sum())
    # The reference moves with the frequencies: d(1 - sum f^2) = -2 sum f df.
    moved = 2 * ((prior**2).sum() - prior[y])
    influence = -share * ((score - value) / reference - value / reference**2 * moved)
    return Estimate(1 - value / reference, influence)


def _checked(probabilities: ArrayLike, label: ArrayLike) -> tuple[Floats, NDArray[np.int64]]:
    p, y = np.asarray(probabilities, float), np.asarray(label, np.int64)
    if not (np.abs(p.sum(1) - 1) <= SUM_TOLERANCE).all():
        raise ValueError("the probabilities of each case must sum to 1")
    return p, y
