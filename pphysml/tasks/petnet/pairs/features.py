"""What the network sees of candidate pairs; nothing in it names a place in the scanner."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....io.ragged import Array
from .candidates import Candidates
from .mixture import LARGEST, REACH, Ends, Mixture

NAMES = ("likelihood", "dt", "lower energy", "higher energy", "slope", "distance", "flux", "rivals", "best rival")

ELECTRON = 0.511
"""Energy of an annihilation's photon, MeV."""

FAR = 0.6
"""Distance of two singles over the diameter beyond which it is not told, as it would tell where the object is."""


class PairFeatures(NamedTuple):
    """Features of pairs.

    Attributes:
        values: float32 (P, len(NAMES)).
        log_ratio: float64 (P,), what the mixture says, see `Mixture.log_ratio`.
    """

    values: Array
    log_ratio: Array


def pair_features(pairs: Candidates, ends: Ends, mixture: Mixture, n_singles: int) -> PairFeatures:
    """Return the features; the same for a pair and the pair with its singles exchanged.

    Args:
        n_singles: length of the singles that `pairs` counts in.
    """
    log_ratio = mixture.log_ratio(ends)
    cut = np.clip(log_ratio, -LARGEST, LARGEST)
    energy = np.sort((ends.energy - ELECTRON) / 0.1, axis=1)
    span = max(mixture.grid.z_high - mixture.grid.z_low, 1e-6)
    d = ends.p - ends.q
    diameter = 2 * mixture.grid.radius / REACH
    flux = mixture.flux.at(*ends.p.T) * mixture.flux.at(*ends.q.T)
    rivals, best = rivalry(pairs, cut, n_singles)
    values = np.column_stack([
        cut / 4, np.abs(ends.dt) / mixture.window, energy[:, 0], energy[:, 1], np.abs(d[:, 2]) / span,
        np.minimum(np.sqrt((d**2).sum(1)) / diameter, FAR), np.log(flux), np.log1p(rivals), best / 4,
    ])
    return PairFeatures(values.astype(np.float32), log_ratio)


def rivalry(pairs: Candidates, score: Array, n_singles: int) -> tuple[Array, Array]:
    """Return how many other pairs share a single with each pair, and the largest score among them."""
    singles = np.concatenate([pairs.first, pairs.second])
    degree = np.bincount(singles, minlength=n_singles)
    rivals = degree[pairs.first] + degree[pairs.second] - 2
    highest, second = np.full(n_singles, -LARGEST), np.full(n_singles, -LARGEST)
    both = np.concatenate([score, score])
    np.maximum.at(highest, singles, both)
    # The best rival of the best pair is the second best of a single.
    lower = both < highest[singles]
    np.maximum.at(second, singles[lower], both[lower])

    def other(index: Array) -> Array:
        own = score >= highest[index]
        return np.where(own, second[index], highest[index])

    best: Array = np.maximum(other(pairs.first), other(pairs.second))
    return rivals, best
