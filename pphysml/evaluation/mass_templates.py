"""Mass histograms of signal and background that pass and that fail a cut, as a fit of the mass needs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .event_blocks import block_histograms
from .profile_likelihood import Region
from .uncertainty import Floats

FEWEST = 10
"""Effective number of background jets that a bin of the fit holds at least; neighbours are merged until it does."""

FAIL, PASS = 0, 1
BACKGROUND, SIGNAL = 0, 1
"""Places in the axes of regions and of classes."""


class Yields(NamedTuple):
    """Jets that are expected in the data, before the cut and at any mass."""

    signal: float
    background: float


@dataclass(frozen=True)
class Jets:
    """What is known of simulated jets besides their scores.

    Attributes:
        mass: GeV, shape (n,).
        signal: true for signal, false for background, (n,).
        weights: of either sign, (n,); None where all are 1.
        event: of each jet, (n,); None where every jet is its own.
    """

    mass: Floats
    signal: NDArray[np.bool_]
    weights: Floats | None = None
    event: NDArray[np.int64] | None = None


def mass_sums(
    jets: Jets, edges: ArrayLike, part: ArrayLike, parts: int, block: NDArray[np.int64] | None = None
) -> Floats:
    """Return sums of weights and of their squares, shape (blocks, parts, 2 classes, 2 powers, bins + 1).

    Args:
        edges: of the bins of mass, rising, (bins + 1,), GeV; what is outside is in the last place.
        part: of each jet, 0 ... parts - 1, as given by its score, (n,).
        block: of each jet, (n,); by default all are in one.
    """
    e = np.asarray(edges, float)
    bins, n = len(e) - 1, len(jets.mass)
    place = np.searchsorted(e, jets.mass, side="right") - 1
    place = np.where((place < 0) | (place >= bins), bins, place)
    cell = (np.asarray(part) * 2 + jets.signal) * (bins + 1) + place
    w = np.ones(n) if jets.weights is None else jets.weights
    block = np.zeros(n, dtype=np.int64) if block is None else block
    cells = parts * 2 * (bins + 1)
    powers = [block_histograms(cell, cells, block, x).reshape(-1, parts, 2, bins + 1) for x in (w, w**2)]
    return np.stack(powers, axis=3)


def failing_and_passing(sums: Floats) -> Floats:
    """Return the sums of each cut by those of the parts between cuts: (parts, ...) to (parts - 1, 2 regions, ...)."""
    passing = np.cumsum(sums[::-1], axis=0)[::-1]
    return np.stack([passing[0] - passing[1:], passing[1:]], axis=1)


def mergers(sums: Floats) -> tuple[Floats, Floats]:
    """Return which bins are fitted as one, for the fail and the pass region of one cut.

    Args:
        sums: (2 regions, 2 classes, 2 powers, bins + 1).

    Returns:
        Matrices (bins, bins) of 0 and 1, by which histograms are multiplied from the left. A region
        with less than `FEWEST` background jets has no bins.
    """
    fail, passing = (_merger(*region[BACKGROUND, :, :-1]) for region in sums)
    return fail, passing


def fit_regions(sums: Floats, merged: tuple[Floats, Floats], yields: Yields) -> list[Region]:
    """Return what `significance` fits: the fail and the pass region.

    The direction of the shape uncertainty in the pass region is that of the sculpting itself:
    logarithm of the share of passing over that of all background in the bin, less its mean over
    the passing background, so that their number stays. Chance makes a flat score seem to sculpt:
    the direction is shortened by 1 - bins / chi^2 as of W. James, C. Stein (Proc. 4th Berkeley
    Symp. 1 (1961) 361), to nothing where chance explains it.

    Args:
        sums: (..., 2 regions, 2 classes, 2 powers, bins + 1).
        merged: by `mergers`.
    """
    expected = {BACKGROUND: yields.background, SIGNAL: yields.signal}
    scale = np.stack([np.asarray(expected[c] / _totals(sums, c)) for c in (BACKGROUND, SIGNAL)], axis=-1)
    # Axes (..., region, class, power, bin); squares are scaled twice.
    powers = np.stack([scale, scale**2], axis=-1)[..., None, :, :, None]
    scaled = sums[..., :-1] * powers
    fail, passing = ((scaled[..., region, :, :, :] @ m) for region, m in zip((FAIL, PASS), merged, strict=True))
    one = _mean_weight(scaled)
    below, above, inclusive = (_region(part, one) for part in (fail, passing, scaled.sum(-4) @ merged[PASS]))
    return [below, above._replace(direction=_sculpting(above, inclusive))]


def floored_bins(sums: Floats, merged: tuple[Floats, Floats]) -> int:
    """Return in how many fitted bins of one cut negative weights outweigh the others."""
    found = 0
    for region, m in zip(sums, merged, strict=True):
        used = m.any(0)
        found += int(((region[:, 0, :-1] @ m)[:, used] < 0).sum())
    return found


def _totals(sums: Floats, of_class: int) -> Floats:
    totals: Floats = sums[..., of_class, 0, :].sum((-2, -1))
    return totals


def _merger(weight: Floats, square: Floats) -> Floats:
    """Return the matrix that merges neighbours until each group holds enough background."""
    bins = len(weight)
    group, held, groups = 0, np.zeros(2), np.zeros(bins, dtype=np.int64)
    for place, content in enumerate(np.column_stack([weight, square])):
        groups[place] = group
        held = held + content
        if held[0] > 0 and held[0] ** 2 >= FEWEST * held[1]:
            group, held = group + 1, np.zeros(2)
    if not group:
        return np.zeros((bins, bins))
    # The rest joins the last group.
    return np.eye(bins)[np.minimum(groups, group - 1)]


def _mean_weight(sums: Floats) -> Floats:
    """Return the mean weight of background jets, by their weights, (..., 1)."""
    weight, square = (sums[..., :, BACKGROUND, power, :].sum((-2, -1)) for power in (0, 1))
    return np.asarray(square / weight)[..., None]


def _region(sums: Floats, one: Floats) -> Region:
    """Return the region of (..., 2 classes, 2 powers, bins), with negative contents floored.

    Args:
        one: the weight of one background jet; a bin that a resampling has emptied holds it.
    """
    weight, square = sums[..., BACKGROUND, 0, :], sums[..., BACKGROUND, 1, :]
    used = np.maximum(sums[..., SIGNAL, 1, :], square) > 0
    held = used & (weight > one)
    background = np.where(used, np.where(held, weight, one), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.where(held, square / weight**2, np.where(used, 1.0, 0.0))
    return Region(np.maximum(sums[..., SIGNAL, 0, :], 0.0), background, variance)


def _sculpting(passing: Region, inclusive: Region) -> Floats:
    b, everywhere = np.asarray(passing.background), np.asarray(inclusive.background)
    used = b > 0
    # Those that pass are among all: the variances subtract.
    variance = np.maximum(np.subtract(passing.variance, inclusive.variance), 1e-12)
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = [part / part.sum(-1, keepdims=True) for part in (b, everywhere)]
        logarithm = np.where(used, np.log(shares[0] / shares[1]), 0.0)
        mean = (b * logarithm).sum(-1, keepdims=True) / b.sum(-1, keepdims=True)
        direction = np.where(used, logarithm - mean, 0.0)
        chi2 = (direction**2 / variance).sum(-1, keepdims=True)
        kept = np.where(chi2 > 0, np.maximum(0.0, 1 - used.sum(-1, keepdims=True) / chi2), 0.0)
    return kept * direction
