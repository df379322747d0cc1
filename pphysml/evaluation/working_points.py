"""Working points: thresholds on a score for wanted efficiencies, everywhere or in bins of a variable.

In bins, as of transverse momentum, each has a threshold of its own, so that the wanted efficiency is
flat in that variable by construction. Thresholds are chosen on some jets, and efficiencies measured
on others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ConfigError, did_you_mean
from .uncertainty import Floats, Interval, clustered_fraction, weighted_fraction, wilson

LARGEST = float(np.finfo(float).max)
"""Stands for infinity, which JSON has not."""


@dataclass(frozen=True)
class Target:
    """What a working point is to have: an efficiency of some classes together.

    Attributes:
        name: of the working point, as `tight` or `70%`.
        classes: whose efficiency is wanted.
        efficiency: share of their jets that passes; for a rejection r of background, 1 / r.
    """

    name: str
    classes: tuple[str, ...]
    efficiency: float


@dataclass(frozen=True)
class Binning:
    """A variable whose bins have a threshold each; values beyond the outermost edges are in the outermost bins.

    Attributes:
        variable: its name.
        edges: rising, (bins + 1,); a bin holds its lower edge.
        unit: of the edges.
    """

    variable: str
    edges: tuple[float, ...]
    unit: str = ""

    def bin_of(self, values: ArrayLike) -> NDArray[np.int64]:
        """Return the bin of each value, (n,); NaN is in the last one."""
        place = np.searchsorted(np.asarray(self.edges), np.asarray(values, float), side="right") - 1
        return np.clip(place, 0, len(self.edges) - 2)


@dataclass(frozen=True)
class ScoredJets:
    """Jets with the score that is cut on.

    Attributes:
        score: (n,).
        label: number of each jet's class, (n,).
        classes: name of each class.
        weights: of either sign, (n,); None where all are 1.
        values: of the variable that thresholds depend on, (n,); None without one.
        event: of each jet, (n,); None where every jet is its own.
    """

    score: ArrayLike
    label: ArrayLike
    classes: Sequence[str]
    weights: ArrayLike | None = None
    values: ArrayLike | None = None
    event: ArrayLike | None = None

    def of(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Return whether each jet is of one of these classes, (n,).

        Raises:
            ConfigError: there is no such class.
        """
        for name in names:
            if name not in self.classes:
                near = did_you_mean(name, self.classes)
                raise ConfigError(f"A working point asks for the class {name!r}, which there is not.{near}")
        return np.isin(np.asarray(self.label), [list(self.classes).index(name) for name in names])

    def weight(self) -> Floats:
        """Return the weights, (n,)."""
        return np.ones(len(np.asarray(self.score))) if self.weights is None else np.asarray(self.weights, float)


@dataclass(frozen=True)
class WorkingPoint:
    """Thresholds, and the efficiencies that they have.

    Attributes:
        target: as wanted.
        threshold: score at or above which a jet passes, (bins,).
        efficiency: class -> its efficiencies with their 68 % intervals, each (bins,); NaN, from 0 to 1,
            where there are no jets.
        jets: class -> number of jets in each bin, (bins,).
    """

    target: Target
    threshold: Floats
    efficiency: dict[str, Interval]
    jets: dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class WorkingPoints:
    """Working points of one score.

    Attributes:
        points: name -> working point.
        binning: of the thresholds; None where they hold everywhere.
    """

    points: dict[str, WorkingPoint]
    binning: Binning | None = None

    def threshold(self, name: str, values: ArrayLike | None = None) -> Floats:
        """Return the threshold of a working point for each value of the variable, or the one that there is.

        Raises:
            ConfigError: there is no such working point.
        """
        if name not in self.points:
            raise ConfigError(f"There is no working point {name!r}.{did_you_mean(name, self.points)}")
        thresholds = self.points[name].threshold
        if self.binning is None:
            return np.asarray(thresholds[0])
        if values is None:
            raise ValueError(f"the thresholds depend on {self.binning.variable}")
        found: Floats = thresholds[self.binning.bin_of(values)]
        return found

    def passed(self, name: str, score: ArrayLike, values: ArrayLike | None = None) -> NDArray[np.bool_]:
        """Return whether each jet passes a working point, (n,); a score that is NaN does not."""
        flags: NDArray[np.bool_] = np.asarray(score, float) >= self.threshold(name, values)
        return flags


def working_points(
    targets: Sequence[Target], chosen_on: ScoredJets, judged_on: ScoredJets, binning: Binning | None = None
) -> WorkingPoints:
    """Return working points whose thresholds come from some jets, and their efficiencies from others.

    On the same jets the wanted efficiency is met better than it will be on new ones, and its error
    means nothing.

    Raises:
        ConfigError: a class that there is not, an efficiency that is not between 0 and 1, or too few
            jets for it in a bin.
    """
    choosing, judging = (_bins(jets, binning) for jets in (chosen_on, judged_on))
    number = 1 if binning is None else len(binning.edges) - 1
    parts = {}
    for name in judged_on.classes:
        chosen = judged_on.of([name])
        parts[name] = [np.flatnonzero(chosen & (judging == b)) for b in range(number)]
    jets = {name: np.array([len(part) for part in of_class]) for name, of_class in parts.items()}
    points = {}
    for target in targets:
        threshold = np.array([_threshold(target, chosen_on, choosing == b, _where(binning, b)) for b in range(number)])
        passed = np.asarray(judged_on.score, float) >= threshold[judging]
        efficiency = {}
        for name, of_class in parts.items():
            found = [_efficiency(passed, judged_on, part) for part in of_class]
            efficiency[name] = Interval(*(np.array(column) for column in zip(*found, strict=True)))
        points[target.name] = WorkingPoint(target, threshold, efficiency, jets)
    return WorkingPoints(points, binning)


def _bins(jets: ScoredJets, binning: Binning | None) -> NDArray[np.int64]:
    if binning is None:
        return np.zeros(len(np.asarray(jets.score)), dtype=np.int64)
    if jets.values is None:
        raise ValueError(f"the jets have no values of {binning.variable}")
    return binning.bin_of(jets.values)


def _where(binning: Binning | None, place: int) -> str:
    if binning is None:
        return ""
    low, high = binning.edges[place : place + 2]
    return f" with {binning.variable} from {low:g} to {f'{high:g} {binning.unit}'.rstrip()}"


def _threshold(target: Target, jets: ScoredJets, inside: NDArray[np.bool_], where: str) -> float:
    """Return the threshold whose efficiency is nearest to the one that is wanted, between two scores."""
    if not 0 < target.efficiency < 1:
        raise ConfigError(
            f"The working point {target.name!r} needs an efficiency between 0 and 1, or a rejection above 1,"
            f" not an efficiency of {target.efficiency:g}."
        )
    chosen = jets.of(target.classes) & inside
    score, weight = np.asarray(jets.score, float)[chosen], jets.weight()[chosen]
    number = float(weight.sum() ** 2 / (weight**2).sum()) if weight.sum() > 0 else 0.0
    if number * target.efficiency < 1:
        raise ConfigError(
            f"The working point {target.name!r} needs an efficiency of {target.efficiency:g} of"
            f" {', '.join(target.classes)}, for which {number:.0f} jets{where} are too few; give more jets or wider bins."
        )
    distinct, which = np.unique(-score, return_inverse=True)
    efficiency = np.cumsum(np.bincount(which, weight)) / weight.sum()
    last = int(np.argmin(np.abs(efficiency - target.efficiency)))
    lowest = -distinct[last]
    below = -distinct[last + 1] if last + 1 < len(distinct) else lowest
    # Between the two, so that no rounding of scores to other types decides.
    middle = lowest / 2 + below / 2 if np.isfinite([lowest, below]).all() else lowest
    threshold = middle if below < middle else lowest
    return float(np.clip(threshold, -LARGEST, LARGEST))


def _efficiency(passed: NDArray[np.bool_], jets: ScoredJets, chosen: NDArray[np.int64]) -> Interval:
    weight = jets.weight()[chosen]
    if not weight.sum() > 0:
        return wilson(0, 0)
    if jets.event is None:
        return weighted_fraction(passed[chosen], weight)
    _, which = np.unique(np.asarray(jets.event)[chosen], return_inverse=True)
    return clustered_fraction(np.bincount(which, weight * passed[chosen]), np.bincount(which, weight))
