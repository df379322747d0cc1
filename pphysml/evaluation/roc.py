"""How well a score separates signal from background: ROC curve, its area, background rejection; paired, too.

Weights may have either sign, as those of generators at next-to-leading order. Jets of equal score are
parted by chance: the curve is straight between the points before and after them, and half of the
pairs of equal scores count as ordered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv

from .influence import Comparison, Estimate, difference, interval, ratio, standard_error
from .uncertainty import Floats, Interval

EFFICIENCIES = (0.3, 0.5, 0.7)
"""Signal efficiencies at which rejections are given by custom."""

FEW = 50
"""Passing background jets, below which a rejection is hardly more than a lower bound."""

CONFIDENCE = 0.95
"""With which the lower bound is below the true rejection."""

WINDOW = 0.2
"""Half-width of the part of the curve that its slope is taken from, in units of the efficiency, or of what is missing to 1."""


@dataclass(frozen=True)
class Roc:
    """The ROC curve of a score, with what its errors need; made by `roc`.

    Attributes:
        threshold: distinct scores from the highest down, behind infinity, shape (points,). The point
            holds what is at the threshold or above.
        signal_efficiency, background_efficiency: of the total weight, shape (points,). Where weights
            are negative they need not rise everywhere, nor stay below 1.
        point: the first point that holds each jet, shape (n,).
        signal: whether each jet is of the signal, shape (n,).
        weights: (n,).
        event: number of each jet's event, (n,); None where every jet is its own.
    """

    threshold: Floats
    signal_efficiency: Floats
    background_efficiency: Floats
    point: NDArray[np.int64]
    signal: NDArray[np.bool_]
    weights: Floats
    event: NDArray[np.int64] | None = None


class Rejection(NamedTuple):
    """Background rejection 1 / eps_B at a signal efficiency.

    Attributes:
        value, low, high: rejection and its 68 % interval, Gaussian in the logarithm; infinite, from
            the bound on, where no background passes.
        bound: at the confidence of 95 %, the rejection at this threshold is at least this.
        passing: effective number of background jets that pass, (sum w)^2 / sum w^2.
        efficiency: of the signal.
    """

    value: float
    low: float
    high: float
    bound: float
    passing: float
    efficiency: float

    @property
    def few(self) -> bool:
        """Whether so few background jets pass that the bound is to be stated instead of the value."""
        return self.passing < FEW


def roc(
    score: ArrayLike, signal: ArrayLike, weights: ArrayLike | None = None, event: ArrayLike | None = None
) -> Roc:
    """Return the ROC curve of a score; one sort of the jets.

    Args:
        score: (n,), higher for signal; may be infinite.
        signal: (n,), true for signal and false for background.
        weights: (n,), of either sign.
        event: (n,), of which jets depend on each other.

    Raises:
        ValueError: a score is NaN, or the weights of signal or background do not sum to more than 0.
    """
    s, y = np.asarray(score, float), np.asarray(signal, bool)
    w = np.ones(len(s)) if weights is None else np.asarray(weights, float)
    if np.isnan(s).any():
        raise ValueError("scores must not be NaN")
    distinct, which = np.unique(-s, return_inverse=True)
    of_class = [np.bincount(which, w * chosen, len(distinct)) for chosen in (y, ~y)]
    if not min(part.sum() for part in of_class) > 0:
        raise ValueError("the weights of signal and of background must each sum to something above zero")
    of_signal, of_background = (np.append(0.0, np.cumsum(part)) / part.sum() for part in of_class)
    events = None if event is None else np.unique(np.asarray(event), return_inverse=True)[1]
    return Roc(np.append(np.inf, -distinct), of_signal, of_background, which + 1, y, w, events)


def auc(curve: Roc) -> Interval:
    """Return the area under the ROC curve with its error.

    The weighted share of pairs of signal and background in which the signal has the higher score;
    equal scores count half. The error is that of placement values (E. R. DeLong et al., Biometrics 44
    (1988) 837), with weights and events. The value is that of `sklearn.metrics.roc_auc_score`.
    """
    return interval(area(curve), curve.event)


def auc_difference(a: Roc, b: Roc) -> Comparison:
    """Return AUC(a) - AUC(b) of two scores of the same jets, with the error of the paired difference.

    Raises:
        ValueError: they are not of the same jets.
    """
    check_same_jets(a, b)
    return difference(area(a), area(b), a.event)


def area(curve: Roc) -> Estimate:
    """Return the area under the ROC curve and the influence of each jet on it, (n,)."""
    s, b, at = curve.signal_efficiency, curve.background_efficiency, curve.point
    value = float((np.diff(s) * (1 - (b[1:] + b[:-1]) / 2)).sum())
    # Of the other class: the share that this jet is in the right order with.
    placement = np.where(curve.signal, 1 - (b[at] + b[at - 1]) / 2, (s[at] + s[at - 1]) / 2)
    return Estimate(value, _shares(curve) * (placement - value))


def rejection(curve: Roc, efficiency: float) -> Rejection:
    """Return the background rejection 1 / eps_B at a signal efficiency, with its error.

    The efficiency is met exactly: of jets whose score is at the threshold, the share passes that it
    takes. The error holds the fluctuations of the background that passes, and those of the
    threshold by the finite signal, through the slope of the curve (F. Hsieh, B. W. Turnbull, Ann.
    Stat. 24 (1996) 25). The bound is Poisson's upper limit of the jets that pass.

    Args:
        efficiency: of the signal, between 0 and 1.
    """
    estimate, passing = background_efficiency(curve, efficiency), _passing(curve, efficiency)
    w = curve.weights * ~curve.signal
    total, squares = float((w * passing).sum()), float((w**2 * passing).sum())
    number = total**2 / squares if squares > 0 and total > 0 else 0.0
    one = squares / total if number else float((w**2).sum() / w.sum())  # a jet's mean weight
    limit = float(gammaincinv(number + 1, CONFIDENCE)) * one / float(w.sum())
    bound = max(1.0, 1 / limit)
    if not estimate.value > 0:
        return Rejection(np.inf, bound, np.inf, bound, number, efficiency)
    value = 1 / estimate.value
    spread = float(np.exp(standard_error(estimate.influence, curve.event) * value))
    return Rejection(value, value / spread, value * spread, bound, number, efficiency)


def rejection_ratio(a: Roc, b: Roc, efficiency: float) -> Comparison:
    """Return the rejection of a over that of b, scores of the same jets, with the error of the paired ratio.

    NaN where no background passes one of them.

    Raises:
        ValueError: they are not of the same jets.
    """
    check_same_jets(a, b)
    first, second = (background_efficiency(curve, efficiency) for curve in (a, b))
    return ratio(second, first, a.event)


def background_efficiency(curve: Roc, efficiency: float) -> Estimate:
    """Return the background efficiency at a signal efficiency, and the influence of each jet on it, (n,)."""
    passing = _passing(curve, efficiency)
    value = _background_at(curve, efficiency)
    own = np.where(curve.signal, -_slope(curve, efficiency) * (passing - efficiency), passing - value)
    return Estimate(value, _shares(curve) * own)


def threshold(curve: Roc, efficiency: float) -> float:
    """Return the highest score at or above which at least this share of the signal is."""
    return float(curve.threshold[_crossing(curve, efficiency)])


def check_same_jets(a: Roc, b: Roc) -> None:
    """Refuse to compare scores of different jets.

    Raises:
        ValueError: signal, weights or events differ.
    """
    same = np.array_equal(a.signal, b.signal) and np.array_equal(a.weights, b.weights)
    if not same or (a.event is None) != (b.event is None):
        raise ValueError("two scores are compared on the same jets, with the same weights and events")


def _crossing(curve: Roc, efficiency: float) -> int:
    """Return the first point with at least this signal efficiency."""
    if not 0 < efficiency <= 1:
        raise ValueError(f"a signal efficiency is above 0 and at most 1, not {efficiency}")
    reached = curve.signal_efficiency >= min(efficiency, curve.signal_efficiency[-1])
    return int(np.argmax(reached))


def _share_at_crossing(curve: Roc, efficiency: float) -> tuple[int, float]:
    """Return the crossing, and the share of its jets that the efficiency takes."""
    at = _crossing(curve, efficiency)
    before, after = curve.signal_efficiency[at - 1 : at + 1]
    return at, min(1.0, float((efficiency - before) / (after - before)))


def _background_at(curve: Roc, efficiency: float) -> float:
    at, share = _share_at_crossing(curve, efficiency)
    before, after = curve.background_efficiency[at - 1 : at + 1]
    return float(before + share * (after - before))


def _passing(curve: Roc, efficiency: float) -> Floats:
    """Return the share of each jet that passes: 0 or 1, but at the threshold."""
    at, share = _share_at_crossing(curve, efficiency)
    return np.where(curve.point < at, 1.0, np.where(curve.point == at, share, 0.0))


def _slope(curve: Roc, efficiency: float) -> float:
    """Return d eps_B / d eps_S, from the curve to both sides; through its logarithm, which is straighter."""
    half = WINDOW * min(efficiency, 1 - efficiency)
    if half <= 0:
        return 0.0
    here, low, high = (_background_at(curve, efficiency + shift) for shift in (0, -half, half))
    if min(here, low, high) > 0:
        return here * float(np.log(high / low)) / (2 * half)
    return max(0.0, high - low) / (2 * half)


def _shares(curve: Roc) -> Floats:
    """Return the share of each jet in the weight of its class."""
    of_signal = float(curve.weights[curve.signal].sum())
    of_background = float(curve.weights[~curve.signal].sum())
    return curve.weights / np.where(curve.signal, of_signal, of_background)
