"""Fit the mixture of randoms and activity to pairs, by expectation maximisation.

Image, factors and time resolution maximise the likelihood of the pairs (L. A. Shepp, Y. Vardi, IEEE Trans.
Med. Imaging 1 (1982) 113; list mode: L. Parra, H. H. Barrett, IEEE Trans. Med. Imaging 17 (1998) 228). One
half of the pairs tells how fine the image of the other half may be, and when to stop, and how sure it may be.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ....io.ragged import Array
from .ends import SMALLEST, Ends, nearest_to_lines
from .flux import Flux
from .line_kernel import Grid
from .mixture import Fixed, Mixture, places
from .recalibration import ratio_knots, sureness
from .refinement import refined
from .region import REACH
from .tables import distances, reach_of, table_bins
from .tables_fit import Binned, cross_fit, fit_tables, probability
from .unscattered import TABLE, unscattered_table

VOXELS = (7, 10, 14, 20)
"""Voxels across the image that are tried."""

ITERATIONS = 16

PATIENCE = 2
"""Iterations for the worse after which an image is not fitted further."""

FACTORS_FROM = 3
"""Iteration from which factors and time resolution are fitted too; no fit ends before."""

ENERGIES = 10
SLOPES = 8

ENOUGH = 80_000
"""Pairs in the window that an image is fitted to at most; tables and correction take all."""

MOST_PAIRED = 0.9
"""Largest share of singles in true pairs that is believed."""

PRIOR = 30.0
"""Pairs that each bin of a factor is taken to have had, in the mean ratio."""


@dataclass(frozen=True)
class Pairs:
    """What the fit gets.

    Attributes:
        prompts: pairs in the window, dt from 0 to the window.
        randoms: pairs that are none, with dt spread evenly over the same range.
        n_random: how many of the prompts are random, by the number of these.
    """

    prompts: Ends
    randoms: Ends
    n_random: float

    def part(self, number: int, of: int) -> Pairs:
        """Return one of so many equal parts."""
        prompts, randoms = (ends.take(np.arange(number, len(ends), of)) for ends in (self.prompts, self.randoms))
        return Pairs(prompts, randoms, self.n_random / of)

    def with_randoms(self, most: int) -> Pairs:
        """Return them with so many random pairs at most."""
        return replace(self, randoms=self.randoms.take(np.arange(0, len(self.randoms), -(-len(self.randoms) // most) or 1)))


class Known(NamedTuple):
    """What the weights of pairs need to know, which no iteration changes."""

    prompts: Fixed
    randoms: Fixed

    @classmethod
    def of(cls, mixture: Mixture, pairs: Pairs) -> Known:
        """Look it up."""
        return cls(mixture.fixed(pairs.prompts), mixture.fixed(pairs.randoms))


def fit_mixture(pairs: Pairs, singles: Array, energy: Array, window: float) -> Mixture:
    """Return the mixture that fits best.

    Args:
        singles: positions, mm, (n, 3), for the flux; energy: MeV, (n,), for its range.
        window: ps.
    """
    few = pairs.part(0, -(-len(pairs.prompts) // ENOUGH)).with_randoms(ENOUGH)
    return _with_tables(_fit_image(few, singles, energy, window), pairs, len(singles))


def _fit_image(pairs: Pairs, singles: Array, energy: Array, window: float) -> Mixture:
    """Return the mixture without tables."""
    learning, held_out = pairs.part(0, 2), pairs.part(1, 2)
    best, best_voxels, best_iterations, half = -np.inf, VOXELS[0], 1, None
    for voxels in VOXELS:
        mixture = _start(learning, singles, energy, window, voxels)
        known, unseen = Known.of(mixture, learning), Known.of(mixture, held_out)
        last, worse = -np.inf, 0
        for number in range(ITERATIONS):
            mixture = improved(mixture, learning, known, number)
            if number <= FACTORS_FROM:
                continue
            likelihood = log_likelihood(mixture, held_out, unseen)
            worse = worse + 1 if likelihood < last else 0
            last = likelihood
            if worse == PATIENCE:
                break
            if likelihood > best:
                best, best_voxels, best_iterations, half = likelihood, voxels, number + 1, mixture
    assert half is not None
    mixture = _start(pairs, singles, energy, window, best_voxels)
    known = Known.of(mixture, pairs)
    for number in range(best_iterations):
        mixture = improved(mixture, pairs, known, number)
    knots = ratio_knots(half.raw_log_ratio(held_out.prompts), half.raw_log_ratio(held_out.randoms), held_out.n_random)
    return replace(mixture, knots=knots)


def _with_tables(mixture: Mixture, pairs: Pairs, n_singles: int) -> Mixture:
    """Return the mixture with what an image does not tell."""
    start = mixture.image_log_ratio(pairs.prompts)
    true = probability(start)
    centre = nearest_to_lines(pairs.prompts, true)
    mixture = replace(mixture, centre=centre, reach=reach_of(distances(pairs.prompts, centre), true))
    binned = Binned(table_bins(pairs.prompts, mixture.region), table_bins(pairs.randoms, mixture.region), start, pairs.n_random / len(pairs.randoms))
    correction, unseen = refined(mixture.line_features, pairs.prompts, pairs.randoms, cross_fit(binned), pairs.n_random)
    better = replace(mixture, tables=fit_tables(binned), correction=correction, sureness=sureness(*unseen, pairs.n_random))
    sure = probability(better.log_ratio(pairs.prompts))
    return replace(better, paired=min(2 * float(sure.sum()) / n_singles, MOST_PAIRED),
                   unscattered=unscattered_table(binned.prompts[TABLE], sure, mixture.energy_range))


def log_likelihood(mixture: Mixture, pairs: Pairs, known: Known) -> float:
    """Return the logarithm of the likelihood of pairs, up to what all mixtures share."""
    found = np.log1p(np.exp(np.minimum(mixture.raw_log_ratio(pairs.prompts, known.prompts), 700))).sum()
    expected = np.exp(mixture.raw_log_ratio(pairs.randoms, known.randoms)).sum() * pairs.n_random / max(1, len(pairs.randoms))
    return float(found - expected)


def _start(pairs: Pairs, singles: Array, energy: Array, window: float, voxels: int) -> Mixture:
    """Return an even image from which as many true pairs are expected as there are more pairs than randoms."""
    flux = Flux.of(*singles.T)
    radius = float(np.quantile(np.hypot(singles[:, 0], singles[:, 1]), 0.01)) * REACH
    voxel = 2 * radius / voxels
    along = max(1, int(np.ceil((flux.z_high - flux.z_low) / voxel)))
    grid = Grid(radius, flux.z_low, flux.z_low + along * voxel, voxel, voxels, along)
    low, high = (float(np.quantile(energy, share)) for share in (0.001, 0.999))
    mixture = Mixture(grid, np.ones((voxels, voxels, along)), flux, np.ones((ENERGIES, ENERGIES)), (low, high),
                      np.ones(SLOPES), window / 3, window, np.zeros((2, 0)))
    expected = (places(flux, pairs.randoms) * mixture.integrals(pairs.randoms)[0]).mean() * pairs.n_random
    excess = max(len(pairs.prompts) - pairs.n_random, 0.01 * len(pairs.prompts), 1.0)
    return replace(mixture, image=mixture.image * excess / max(expected, SMALLEST))


def improved(mixture: Mixture, pairs: Pairs, known: Known, number: int) -> Mixture:
    """Return the mixture after one iteration of the expectation maximisation."""
    prompts, randoms = pairs.prompts, pairs.randoms
    share = pairs.n_random / max(1, len(randoms))
    of_prompts, of_randoms = (mixture.weights(fixed) for fixed in known)
    integral, spread = mixture.integrals(prompts)
    ratio = of_prompts * integral
    true = ratio / (1 + ratio)
    update, sensitivity = np.zeros_like(mixture.image), np.zeros_like(mixture.image)
    mixture.integrals(prompts, of_prompts / (1 + ratio), update)
    expected = of_randoms * mixture.integrals(randoms, of_randoms * share, sensitivity)[0] * share
    # Voxels that few lines cross are known from none: a floor keeps their ratio finite.
    floor = 1e-3 * sensitivity.max() + SMALLEST
    better = replace(mixture, image=mixture.image * update / np.maximum(sensitivity, floor))
    if number < FACTORS_FROM:
        return better
    weighted = true * spread / np.maximum(integral, SMALLEST)
    sigma = float(np.sqrt(weighted.sum() / max(true.sum(), SMALLEST)))
    return replace(better, sigma=float(np.clip(sigma, mixture.window / 50, mixture.window)),
                   energies=_energies(mixture, known, true, expected), slopes=_slopes(mixture, known, true, expected))


def _energies(mixture: Mixture, known: Known, true: Array, expected: Array) -> Array:
    n = len(mixture.energies)

    def table(fixed: Fixed, weight: Array) -> Array:
        low, high = fixed.energies
        counts = np.bincount(low * n + high, weight, n * n).reshape(n, n)
        return counts + counts.T

    return _factor(table(known.prompts, true), table(known.randoms, expected), mixture.energies)


def _slopes(mixture: Mixture, known: Known, true: Array, expected: Array) -> Array:
    counts = np.bincount(known.prompts.slopes, true, SLOPES)
    wanted = np.bincount(known.randoms.slopes, expected, SLOPES)
    return _factor(counts, wanted, mixture.slopes)


def _factor(counts: Array, expected: Array, before: Array) -> Array:
    """Return the factor that makes the expected counts those found, drawn to one where there are few.

    Args:
        expected: with the factor `before`.
    """
    mean = counts.sum() / max(expected.sum(), SMALLEST)
    found: Array = (counts + PRIOR) / (expected / before * mean + PRIOR)
    return found
