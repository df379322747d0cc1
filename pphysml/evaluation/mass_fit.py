"""How well a score finds a resonance: expected significance of a fit of the jets' mass.

Jets that pass the cut and jets that fail it are fitted together, as `profile_likelihood` says, with
the statistical uncertainty of the background templates. The background of each of the two regions
has a normalisation of its own, with the relative uncertainty f: what is uncertain of the rate and of
the mistag rate. The sculpting uncertainty d changes the ratio of passing to failing background with
mass: the logarithm of that ratio is uncertain by d times itself, which a score that is flat in mass
does not feel. The signal template is taken as exact. Bins are merged until each holds enough background,
which makes the significance too small where few jets pass: by 2 to 4 % with 100 of them, by a fifth with 20.

The cut is scanned over the signal efficiency on validation jets, and the best one is judged on test
jets, so that luck in the choice is not counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .counting_significance import counting_significance
from .event_blocks import blocks_of, resampled
from .influence import Comparison
from .mass_templates import (
    BACKGROUND,
    PASS,
    SIGNAL,
    Jets,
    Yields,
    failing_and_passing,
    fit_regions,
    floored_bins,
    mass_sums,
    mergers,
)
from .profile_likelihood import Region, significance
from .roc import roc, threshold
from .uncertainty import Floats

SCANNED = tuple(np.round(np.arange(0.05, 0.96, 0.05), 2).tolist())
"""Signal efficiencies of the cuts that are tried."""


class Uncertainty(NamedTuple):
    """What the fit does not know of the background.

    Attributes:
        normalisation: relative uncertainty f.
        sculpting: uncertainty d of the logarithm of the sculpting, in units of itself.
        templates: factor of the variance of the templates; 1 is that of the simulated jets at hand, which
            limits the fit where they are fewer than the expected ones, and 0 as if there were no end of them.
    """

    normalisation: float = 0.0
    sculpting: float = 0.0
    templates: float = 1.0


UNCERTAINTIES = tuple(Uncertainty(f, d) for d in (0.0, 0.2) for f in (0.0, 0.01, 0.05, 0.1, 0.5))
"""Those at which the significance is given."""


@dataclass(frozen=True)
class Scan:
    """Significance of the fit against the cut.

    Attributes:
        efficiency: of the signal, (cuts,).
        threshold: score at or above which a jet passes, (cuts,).
        significance: (uncertainties, cuts); NaN where too few background jets pass for a fit.
        counting: the same of counting the passing jets in the fitted range, (uncertainties, cuts);
            see `counting_significance.FAVOURS_PLAIN`. Sculpting has no part in it.
        uncertainties: as given.
    """

    efficiency: Floats
    threshold: Floats
    significance: Floats
    counting: Floats
    uncertainties: tuple[Uncertainty, ...]

    def best(self, uncertainty: Uncertainty) -> int:
        """Return the number of the cut of greatest significance.

        Raises:
            ValueError: this uncertainty was not scanned, or no cut leaves enough background for a fit.
        """
        row = self.significance[self.uncertainties.index(uncertainty)]
        if np.isnan(row).all():
            raise ValueError("at no cut enough background jets pass for a fit of the mass; give more jets or wider bins")
        return int(np.nanargmax(row))


@dataclass(frozen=True)
class Fitted:
    """The expected significance at one cut.

    Attributes:
        value, low, high: standard deviations, and the interval by the scatter of resampled events.
        replicas: significance of each resampling, for comparisons on the same jets.
        counting: significance of counting the passing jets in the fitted range.
        signal_efficiency, background_efficiency: of the cut.
        floored: bins in which negative weights outweighed the others; they count as empty.
    """

    value: float
    low: float
    high: float
    replicas: Floats
    counting: float
    signal_efficiency: float
    background_efficiency: float
    floored: int


def scan_cuts(
    score: ArrayLike, jets: Jets, edges: ArrayLike, yields: Yields,
    uncertainties: Sequence[Uncertainty] = UNCERTAINTIES, efficiencies: Sequence[float] = SCANNED,
) -> Scan:
    """Return the expected significance of the mass fit for cuts at given signal efficiencies.

    Args:
        score: of each jet, (n,), higher for signal.
        edges: of the bins of mass, rising, GeV; jets outside are not fitted.
    """
    s = np.asarray(score, float)
    curve = roc(s, jets.signal, jets.weights)
    cuts = np.array([threshold(curve, wanted) for wanted in efficiencies])
    order = np.argsort(cuts)
    part = np.searchsorted(cuts[order], s, side="right")
    sums = failing_and_passing(mass_sums(jets, edges, part, len(cuts) + 1)[0])
    found, counted = np.full((2, len(uncertainties), len(cuts)), np.nan)
    for place, of_cut in zip(order, sums, strict=True):
        merged = mergers(of_cut)
        if merged[PASS].any():
            regions = fit_regions(of_cut, merged, yields)
            found[:, place] = [_fitted(regions, uncertainty) for uncertainty in uncertainties]
            counted[:, place] = [_counting(regions[PASS], uncertainty) for uncertainty in uncertainties]
    return Scan(np.asarray(efficiencies, float), cuts, found, counted, tuple(uncertainties))


def fit_mass(
    passed: ArrayLike, jets: Jets, edges: ArrayLike, yields: Yields,
    uncertainty: Uncertainty, replicas: int = 200, seed: int = 0,
) -> Fitted:
    """Return the expected significance of the mass fit for one cut, with its bootstrap error.

    Args:
        passed: whether each jet passes, (n,).
        edges: as for `scan_cuts`.
        seed: of the resamplings. Those of two cuts on the same jets are the same.

    Raises:
        ValueError: fewer background jets pass than one bin needs.
    """
    block = blocks_of(len(jets.mass), jets.event, seed=seed)
    parts = mass_sums(jets, edges, np.asarray(passed, bool), 2, block)
    shape = parts.shape[1:]
    sums = parts.sum(0)
    merged = mergers(sums)
    if not merged[PASS].any():
        raise ValueError("too few background jets pass the cut for a fit of the mass; give more jets or a looser cut")
    drawn = resampled(parts.reshape(len(parts), -1), replicas, seed).reshape(-1, *shape)
    regions = fit_regions(sums, merged, yields)
    value, counting = float(_fitted(regions, uncertainty)), _counting(regions[PASS], uncertainty)
    others = _fitted(fit_regions(drawn, merged, yields), uncertainty)
    # Resampling adds noise to templates, which adds significance: the width counts, not the place.
    error = float(others.std())
    share = [float(sums[PASS, c, 0].sum() / sums[:, c, 0].sum()) for c in (SIGNAL, BACKGROUND)]
    return Fitted(value, value - error, value + error, others, counting, share[0], share[1], floored_bins(sums, merged))


def judge_best_cut(
    validation: tuple[ArrayLike, Jets], test: tuple[ArrayLike, Jets], edges: ArrayLike, yields: Yields,
    uncertainty: Uncertainty, replicas: int = 200, seed: int = 0,
) -> Fitted:
    """Return the significance on test jets of the cut that is best on validation jets.

    Args:
        validation, test: scores (n,) and jets, of different events.
    """
    scan = scan_cuts(*validation, edges, yields, [uncertainty])
    cut = scan.threshold[scan.best(uncertainty)]
    score, jets = test
    return fit_mass(np.asarray(score) >= cut, jets, edges, yields, uncertainty, replicas, seed)


def significance_difference(a: Fitted, b: Fitted) -> Comparison:
    """Return the significance of a minus that of b, cuts on the same jets, with the error of the paired difference."""
    value, error = a.value - b.value, float((a.replicas - b.replicas).std())
    sigma = value / error if error > 0 else 0.0 if value == 0 else float(np.copysign(np.inf, value))
    return Comparison(value, value - error, value + error, sigma)


def _fitted(regions: list[Region], uncertainty: Uncertainty) -> Floats:
    known = [region._replace(variance=uncertainty.templates * np.asarray(region.variance)) for region in regions]
    return significance(known, uncertainty.normalisation, uncertainty.sculpting)


def _counting(passing: Region, uncertainty: Uncertainty) -> float:
    """Return the significance of the number of jets alone, with the uncertainties of normalisation and templates."""
    background = np.asarray(passing.background, float)
    of_template = np.sqrt(uncertainty.templates * (np.asarray(passing.variance) * background**2).sum())
    error = np.hypot(uncertainty.normalisation * background.sum(), of_template)
    return float(counting_significance(np.sum(passing.signal), background.sum(), error))
