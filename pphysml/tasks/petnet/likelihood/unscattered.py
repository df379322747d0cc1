"""Which true pairs were not scattered in the object, told without truth by where their lines are and how much energy is lost.

Where no photon lost energy, hardly any pair is scattered: such pairs show how unscattered lines lie, U(s). Of a
smaller energy E there are U(s) a(E) unscattered pairs and scattered ones besides, C(s, E) together; since those spread
over all lines, a(E) is what C / U comes down to where it is small. So the probability is U(s) a(E) / C(s, E).
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from ....io.ragged import Array
from .tables import AXES, BINS

TABLE = AXES.index(("lower", "aside"))

PEAK = (0.495, 0.541)
"""Lower energy of a pair whose photons are taken to be unscattered, MeV."""

SMOOTHING = 2.0
"""Bins."""

FEW_SCATTERED = 0.25
"""Share of the places s with the smallest C / U."""

LEAST_SHARE = 0.2
"""Pairs at a place s, over the mean of all, from which it tells a(E)."""

SMALLEST = 1e-9


def unscattered_table(bins: Array, true: Array, energy_range: tuple[float, float]) -> Array:
    """Return the probability in each bin of lower energy and distance, float64 (BINS^2,).

    Args:
        bins: of pairs in the table `TABLE`, (n,); true: probability that they are no random ones.
        energy_range: ends of the bins of energy, MeV.
    """
    counts = np.bincount(bins, true, BINS * BINS).reshape(BINS, BINS)
    low, high = energy_range
    energy = low + (np.arange(BINS) + 0.5) / BINS * (high - low)
    lines = gaussian_filter(counts[(energy > PEAK[0]) & (energy < PEAK[1])].sum(0), SMOOTHING, mode="nearest")
    total = lines.sum()
    if not total:
        return np.ones(BINS * BINS)
    lines /= total
    both = gaussian_filter(counts, SMOOTHING, mode="nearest")
    ratio = (both / np.maximum(lines, SMALLEST))[:, lines > LEAST_SHARE / BINS]
    of_energy = np.quantile(ratio, FEW_SCATTERED, axis=1)
    found: Array = np.clip(of_energy[:, None] * lines / np.maximum(both, SMALLEST), 0, 1)
    return found.ravel()
