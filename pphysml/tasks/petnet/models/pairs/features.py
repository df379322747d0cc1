"""What the network sees of candidate pairs: places relative to the activity that the data show, so that it holds for objects it has not seen."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .....io.ragged import Array
from ...coincidences.candidates import Candidates
from ...likelihood.ends import LARGEST, SMALLEST, Ends
from ...likelihood.mixture import Mixture
from ...likelihood.tables import distances

NAMES = ("likelihood", "image", "lower energy", "higher energy", "aside", "flight", "slope", "middle", "size", "rivals", "best rival")

ELECTRON = 0.511
"""Energy of an annihilation's photon, MeV."""

FAR = 8.0
"""Sizes of the activity beyond which distances from its middle are not told."""

HOT = 0.2
"""Activity over the largest below which there is none."""


class PairFeatures(NamedTuple):
    """Features of pairs.

    Attributes:
        values: float32 (P, len(NAMES)).
        log_factor: float64 (P,), what the mixture says, see `Mixture.log_factor`.
        unscattered: float64 (P,), what it says of true pairs, see `Mixture.unscattered_share`.
        prompt: bool (P,), whether pairs are rivals of others; delayed ones are not.
    """

    values: Array
    log_factor: Array
    unscattered: Array
    prompt: Array


def pair_features(pairs: Candidates, ends: Ends, mixture: Mixture, n_singles: int, n_prompt: int) -> PairFeatures:
    """Return the features; the same for a pair and the pair with its singles exchanged.

    The logarithms of the factor and of the ratio as the mixture and the image alone tell them; both energies; distances of the line and of
    the place by time of flight from the middle of the activity, over the size of the activity; slope and middle of the line
    along the axis; this size; how many rivals there are, and the likeliest one.

    Args:
        n_singles: length of the singles that `pairs` counts in.
        n_prompt: the first so many pairs are prompt ones, the others delayed; rivals are prompt ones.
    """
    log_factor = mixture.log_factor(ends)
    cut = np.clip(log_factor, -LARGEST, LARGEST)
    prompt = np.arange(len(ends)) < n_prompt
    rivals, best = rivalry(pairs, cut, n_singles, prompt)
    energy = np.sort((ends.energy - ELECTRON) / 0.1, axis=1)
    size = activity_size(mixture)
    aside, flight = distances(ends, mixture.centre)
    half = max((mixture.grid.z_high - mixture.grid.z_low) / 2, SMALLEST)
    values = np.column_stack([
        cut / 4, np.clip(mixture.image_log_ratio(ends), -LARGEST, LARGEST) / 4,
        energy[:, 0], energy[:, 1], np.minimum(aside / size, FAR) / 2, np.minimum(flight / size, FAR) / 2,
        np.abs(ends.p[:, 2] - ends.q[:, 2]) / (2 * half), np.abs((ends.p + ends.q)[:, 2] / 2 - mixture.grid.z_low - half) / half,
        np.full(len(ends), np.log(10 * size / mixture.region.scanner_radius)), np.log1p(rivals), best / 4,
    ])
    return PairFeatures(values.astype(np.float32), log_factor, mixture.unscattered_share(ends), prompt)


def activity_size(mixture: Mixture) -> float:
    """Return the root of the mean square of the distance from the middle of the activity across the axis, mm."""
    grid = mixture.grid
    # Few lines cross the ends of the image, where single voxels are as hot as you like: not the sum over the length.
    across = np.quantile(mixture.image, 0.75, axis=2)
    across = np.where(across > HOT * across.max(), across, 0.0)
    x, y = ((np.arange(grid.across) + 0.5) * grid.voxel - grid.radius - middle for middle in mixture.centre)
    square = (across * (x[:, None] ** 2 + y**2)).sum() / max(float(across.sum()), SMALLEST)
    return float(np.sqrt(square + grid.voxel**2 / 6))


def rivalry(pairs: Candidates, score: Array, n_singles: int, prompt: Array) -> tuple[Array, Array]:
    """Return how many other prompt pairs share a single with each pair, and the largest score among them."""
    singles = np.concatenate([pairs.first[prompt], pairs.second[prompt]])
    degree = np.bincount(singles, minlength=n_singles)
    rivals = degree[pairs.first] + degree[pairs.second] - 2 * prompt
    highest, second = np.full(n_singles, -LARGEST), np.full(n_singles, -LARGEST)
    both = np.concatenate([score[prompt], score[prompt]])
    np.maximum.at(highest, singles, both)
    # The best rival of the best pair is the second best of a single.
    lower = both < highest[singles]
    np.maximum.at(second, singles[lower], both[lower])

    def other(index: Array) -> Array:
        own = prompt & (score >= highest[index])
        return np.where(own, second[index], highest[index])

    best: Array = np.maximum(other(pairs.first), other(pairs.second))
    return rivals, best
