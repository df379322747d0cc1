"""Spectra of data against those of simulation, with the probability that both are of one distribution.

Weights may have either sign. The simulation is that of several classes, whose sum is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2 as chi2_distribution

from .multiple_tests import holm
from .uncertainty import Floats

MOST_BINS, FEWEST_BINS = 40, 10
TAIL = 0.001
"""Share of the jets beyond each end of the bins, which are counted in the outermost ones."""

FEWEST = 10.0
"""Jets that data and simulation are expected to have in a bin of the test; bins of fewer are joined with the next."""


@dataclass(frozen=True)
class Sample:
    """Jets whose spectra are compared.

    Attributes:
        weight: of each, of either sign, (n,).
        event: number of its event, (n,), from 0 to their number.
        label: number of its class, (n,); zeros of data.
    """

    weight: Floats
    event: NDArray[np.int64]
    label: NDArray[np.int64]

    @classmethod
    def of(cls, weight: ArrayLike, event: ArrayLike, label: ArrayLike | None = None) -> Sample:
        """Take any numbers of events.

        Args:
            label: by default all are of one class.
        """
        numbers = np.unique(np.asarray(event), return_inverse=True)[1].astype(np.int64)
        return cls(np.asarray(weight, float), numbers, np.zeros(len(numbers), np.int64) if label is None else np.asarray(label, np.int64))


@dataclass(frozen=True)
class Spectra:
    """One quantity of data and simulation in bins.

    Attributes:
        edges: of the bins, (bins + 1,); the outermost bins hold what lies beyond.
        data, data_variance: sums of weights, (bins,).
        simulation: of each class, scaled, (classes, bins); `simulation_variance`: of their sum, (bins,).
        unknown: sums of weights of data and of simulation without a finite value, which the test takes for one bin more.
        chi2, ndf: of the test; `p_value`: NaN where there are too few jets for two bins.
    """

    edges: Floats
    data: Floats
    data_variance: Floats
    simulation: Floats
    simulation_variance: Floats
    unknown: tuple[float, float]
    chi2: float
    ndf: int
    p_value: float

    @property
    def summed(self) -> Floats:
        """The spectrum of all classes of the simulation, (bins,)."""
        total: Floats = self.simulation.sum(0)
        return total


def scale_to_data(data: Sample, simulation: Sample) -> float:
    """Return the factor that gives the simulation the sum of weights of the data.

    Raises:
        ValueError: one of the sums is not above zero.
    """
    sums = data.weight.sum(), simulation.weight.sum()
    if not min(sums) > 0:
        raise ValueError("the weights of data and of simulation must each sum to something above zero")
    return float(sums[0] / sums[1])


def spectra_of(values: ArrayLike, data: Sample, simulated: ArrayLike, simulation: Sample, classes: int, scale: float | None = None) -> Spectra:
    """Return the spectra of a quantity, and chi^2 between them.

    Args:
        values, simulated: of each jet of data and of simulation, (n,), (m,).
        classes: how many the simulation has.
        scale: factor of the simulation's weights; None for `scale_to_data`, by which one degree of freedom is lost.
    """
    v, s = np.asarray(values, float), np.asarray(simulated, float)
    factor = scale_to_data(data, simulation) if scale is None else scale
    weight = simulation.weight * factor
    edges = bin_edges(v, s, data.weight, weight)
    bins = len(edges)
    at_data, at_simulation = (_bins(each, edges) for each in (v, s))
    d, d_variance = _content(at_data, data.weight, data.event, bins)
    total, variance = _content(at_simulation, weight, simulation.event, bins)
    parts = _sums(simulation.label * bins + at_simulation, weight, classes * bins).reshape(classes, bins)
    test = chi2_of(d, d_variance, total, variance, normalised=scale is None)
    return Spectra(edges, d[:-1], d_variance[:-1], parts[:, :-1], variance[:-1], (float(d[-1]), float(total[-1])), *test)


def bin_edges(values: Floats, simulated: Floats, weight: Floats, simulated_weight: Floats) -> Floats:
    """Return the edges of bins for both spectra, rising, (bins + 1,); whole numbers have bins round them."""
    samples = [(v[np.isfinite(v)], np.abs(w[np.isfinite(v)])) for v, w in ((values, weight), (simulated, simulated_weight))]
    ends = [quantile for v, w in samples if w.sum() > 0 for quantile in _quantiles(v, w, [TAIL, 1 - TAIL])]
    if not ends:
        return np.array([0.0, 1.0])
    low, high = min(ends), max(ends)
    bins = int(np.clip(2 * np.cbrt(len(samples[0][0])), FEWEST_BINS, MOST_BINS))
    if all((v == np.round(v)).all() for v, _ in samples):
        step = max(1.0, np.ceil((high - low + 1) / MOST_BINS))
        return np.asarray(np.arange(low, high + step, step) - 0.5 if high - low + 1 > step else [low - 0.5, low + 0.5])
    return np.linspace(low, high if high > low else low + 1, bins + 1)


def chi2_of(data: Floats, data_variance: Floats, simulation: Floats, simulation_variance: Floats, normalised: bool) -> tuple[float, int, float]:
    """Return chi^2 between two spectra, its degrees of freedom, and the probability of as much or more by chance.

    The variances are those that the contents of both would have if they were of one spectrum, which is the
    mean of both, weighted by their effective numbers; of weights 1 that is Pearson's chi^2 of homogeneity. Of
    normalised spectra what a common factor makes is left out. Jets of one event count together in a bin, and
    as independent in different ones.

    Args:
        data, simulation: sums of weights, (bins,); `data_variance`, `simulation_variance`: theirs, (bins,).
        normalised: whether both were given the same sum.
    """
    per_jet = [variance.sum() / content.sum() if content.sum() > 0 else 0.0 for content, variance in ((data, data_variance), (simulation, simulation_variance))]
    if not min(per_jet) > 0:
        return 0.0, 0, np.nan
    group = _joined(data / per_jet[0] + simulation / per_jet[1], per_jet)
    d, dv, s, sv = (_sums(group, each, group[-1] + 1) for each in (data, data_variance, simulation, simulation_variance))
    expected = _pooled(d / per_jet[0] + s / per_jet[1], per_jet)
    ndf = len(d) - normalised
    if ndf < 1 or not (expected > 0).all():
        return 0.0, 0, np.nan
    variance = expected * (_per_jet(d, dv, per_jet[0]) + _per_jet(s, sv, per_jet[1]))
    left = d - s
    value = float((left**2 / variance).sum())
    if normalised:
        value -= float((left * expected / variance).sum() ** 2 / (expected**2 / variance).sum())
    return value, ndf, float(chi2_distribution.sf(value, ndf))


def spectra_rows(found: dict[str, Spectra]) -> list[dict[str, Any]]:
    """Return a row for each quantity, with p-values corrected for their number by Holm's method."""
    known = [name for name, one in found.items() if np.isfinite(one.p_value)]
    corrected = dict(zip(known, holm([found[name].p_value for name in known]).tolist(), strict=True)) if known else {}
    return [
        {
            "of": name, "chi2": one.chi2 if one.ndf else None, "degrees of freedom": one.ndf,
            "chi2/ndf": one.chi2 / one.ndf if one.ndf else None,
            "p-value": one.p_value if one.ndf else None, "p-value, corrected": corrected.get(name),
            "not finite, data": one.unknown[0] / (one.data.sum() + one.unknown[0]),
            "not finite, simulation": one.unknown[1] / (one.summed.sum() + one.unknown[1]),
        }
        for name, one in found.items()
    ]


def _quantiles(values: Floats, weights: Floats, shares: Sequence[float]) -> list[float]:
    order = np.argsort(values)
    held = np.cumsum(weights[order])
    return [float(values[order[min(np.searchsorted(held, share * held[-1]), len(order) - 1)]]) for share in shares]


def _bins(values: Floats, edges: Floats) -> NDArray[np.int64]:
    """Return the bin of each value, (n,); of those that are not finite, one behind the last."""
    inside = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return np.where(np.isfinite(values), inside, len(edges) - 1)


def _content(bin_: NDArray[np.int64], weight: Floats, event: NDArray[np.int64], bins: int) -> tuple[Floats, Floats]:
    """Return the sums of weights and their variances, (bins,); jets of one event in one bin come and go together."""
    together, which = np.unique(event * bins + bin_, return_inverse=True)
    sums = _sums(which, weight, len(together))
    return _sums(together % bins, sums, bins), _sums(together % bins, sums**2, bins)


def _sums(number: NDArray[np.int64], weight: Floats, numbers: int) -> Floats:
    """Return the sum of weights of each number, (numbers,)."""
    return np.bincount(number, weight, numbers).astype(float)


def _pooled(numbers: Floats, per_jet: Sequence[float]) -> Floats:
    """Return the mean of two spectra by the sum of their effective numbers."""
    found: Floats = numbers / (1 / per_jet[0] + 1 / per_jet[1])
    return found


def _joined(numbers: Floats, per_jet: Sequence[float]) -> NDArray[np.int64]:
    """Return the number of the bin of the test that each bin is in, (bins,); each expects jets enough of both spectra."""
    group, number, held = np.zeros(len(numbers), np.int64), 0, 0.0
    for k, own in enumerate(numbers):
        group[k] = number
        held += float(own)
        if held / (1 / per_jet[0] + 1 / per_jet[1]) >= FEWEST * max(per_jet):
            number, held = number + 1, 0.0
    # What is left at the end is too little for a bin of its own.
    return np.minimum(group, max(number - 1, 0))


def _per_jet(content: Floats, variance: Floats, usual: float) -> Floats:
    """Return the variance over the content of each bin; the usual one where a bin has too little for its own."""
    enough = (content > 0) & (content**2 >= FEWEST * variance)
    return np.where(enough, variance / np.where(enough, content, 1.0), usual)
