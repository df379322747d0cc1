"""Two methods of several trainings each, on the same test jets: is one ahead, whatever the seed and the jets?

Two things are by chance: the seeds of the trainings, and the jets of the test. The mean over seeds has
the error of the jets, which all seeds share, and the seeds show their scatter beside it. One method
counts as ahead where both agree: three standard errors by the jets, and every pair of trainings on the
same side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .comparison import SeedMean, mean_over_seeds
from .influence import Comparison, Estimate, difference, ratio
from .mass_fit import Fitted
from .roc import Roc, area, background_efficiency, check_same_jets
from .uncertainty import Floats

NEEDED = 3.0
"""Standard errors by which a method is ahead."""


@dataclass(frozen=True)
class OverSeeds:
    """One method against another, over the seeds of their trainings.

    Attributes:
        comparison: difference or ratio of the means over seeds, with the paired error by the jets.
        pairs: differences, or logarithms of ratios, of the trainings of equal place, (seeds,).
        seeds: their mean, with Student's interval by their scatter.
    """

    comparison: Comparison
    pairs: Floats
    seeds: SeedMean

    @property
    def ahead(self) -> bool:
        """Whether the first method is larger by three standard errors, and for every seed."""
        return self.comparison.sigma >= NEEDED and bool((self.pairs > 0).all())


def auc_over_seeds(a: Sequence[Roc], b: Sequence[Roc]) -> OverSeeds:
    """Return the difference of the mean AUC of two methods, of trainings a and b, on the same jets.

    Raises:
        ValueError: they are not of the same jets, or not as many trainings.
    """
    first, second = _of_same_jets(a, b)
    ours, theirs = ([area(curve) for curve in curves] for curves in (first, second))
    pairs = [x.value - y.value for x, y in zip(ours, theirs, strict=True)]
    return _judged(difference(average(ours), average(theirs), a[0].event), pairs)


def rejection_over_seeds(a: Sequence[Roc], b: Sequence[Roc], efficiency: float) -> OverSeeds:
    """Return the ratio of the background rejections of two methods, each 1 / (mean eps_B over seeds).

    Args:
        efficiency: of the signal.

    Raises:
        ValueError: as `auc_over_seeds`.
    """
    first, second = _of_same_jets(a, b)
    ours, theirs = ([background_efficiency(curve, efficiency) for curve in curves] for curves in (first, second))
    with np.errstate(divide="ignore", invalid="ignore"):
        pairs = np.log([y.value for y in theirs]) - np.log([x.value for x in ours])
    return _judged(ratio(average(theirs), average(ours), a[0].event), pairs)


def significance_over_seeds(a: Sequence[Fitted], b: Sequence[Fitted]) -> OverSeeds:
    """Return the ratio of the mean significances of two methods, fitted on the same jets with one seed of resampling.

    Raises:
        ValueError: not as many trainings, or fits with different numbers of resamplings.
    """
    if len(a) != len(b) or not a:
        raise ValueError(f"two methods are compared with as many trainings each, not {len(a)} and {len(b)}")
    values = [np.array([fit.value for fit in fits]) for fits in (a, b)]
    drawn = [np.mean([fit.replicas for fit in fits], axis=0) for fits in (a, b)]
    logarithm, error = float(np.log(values[0].mean() / values[1].mean())), float(np.log(drawn[0] / drawn[1]).std())
    sigma = logarithm / error if error > 0 else 0.0 if logarithm == 0 else float(np.copysign(np.inf, logarithm))
    value, low, high = (float(np.exp(logarithm + shift)) for shift in (0, -error, error))
    return _judged(Comparison(value, low, high, sigma), np.log(values[0] / values[1]))


def average(estimates: Sequence[Estimate]) -> Estimate:
    """Return the mean of estimates of the same cases."""
    value = float(np.mean([one.value for one in estimates]))
    return Estimate(value, np.mean([one.influence for one in estimates], axis=0))


def _of_same_jets(a: Sequence[Roc], b: Sequence[Roc]) -> tuple[Sequence[Roc], Sequence[Roc]]:
    if len(a) != len(b) or not a:
        raise ValueError(f"two methods are compared with as many trainings each, not {len(a)} and {len(b)}")
    for curve in (*a, *b):
        check_same_jets(a[0], curve)
    return a, b


def _judged(comparison: Comparison, pairs: Sequence[float] | Floats) -> OverSeeds:
    return OverSeeds(comparison, np.asarray(pairs, float), mean_over_seeds(list(pairs)))
