"""Planing: factors on the weights of jets by which all classes get the same distribution of mass, or of mass and pT.

Reference: S. Chang, T. Cohen, B. Ostdiek, arXiv:1709.10106.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAIL = 0.001
"""Share of the jets beyond each end of the range in which a reference is flat, which few odd ones would else make."""

FLAT = -1
"""The reference that is flat in the coordinates instead of that of a class."""


@dataclass(frozen=True)
class Planing:
    """Factors in bins of one to three coordinates.

    With the share h_c(b) of each class in each bin, the classes get the distribution t(b) by the factors t / h_c. It is
    proportional to the reference, but nowhere above `cap` times the smallest h_c(b): factors then stay below the cap, and where
    one class is missing no jet counts. Where classes overlap too little for that, t sums to less than 1, for all alike.

    Attributes:
        edges: of the bins of each coordinate; the outermost bins hold what lies beyond.
        factors: of each class and bin, (classes, bins of the first coordinate[, bins of the second]).
    """

    edges: tuple[Floats, ...]
    factors: Floats

    @classmethod
    def fit(cls, coordinates: NDArray[Any], classes: NDArray[Any], weight: NDArray[Any], reference: int = FLAT,
            bins: int = 32, cap: float = 100.0) -> Planing:
        """Return the factors of a sample; weights may be negative.

        Args:
            coordinates: mass, or mass and pT, or these and a resonance mass, (n,) or (n, 1 to 3).
            classes: of each jet, from 0, (n,).
            weight: (n,).
            reference: class whose distribution all get, or `FLAT`.
            bins: of each coordinate, with equal numbers of jets; one for each value if there are fewer.
            cap: largest factor.

        Raises:
            ValueError: a class has no weight.
        """
        coordinates = np.asarray(coordinates, np.float64).reshape(len(classes), -1)
        edges = tuple(_edges(column, bins) for column in coordinates.T)
        shape = tuple(max(len(e) - 1, 1) for e in edges)
        flat = np.ravel_multi_index(_bins_of(coordinates, edges), shape)
        shares = _shares(flat, classes, weight, int(np.prod(shape)))
        volume = _volume(edges)
        target = _target(volume if reference == FLAT else shares[reference].clip(0), cap * shares.min(0).clip(0))
        factors = np.divide(target, shares, out=np.zeros_like(shares), where=shares > 0)
        return cls(edges, factors.reshape(-1, *shape))

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Planing:
        """Return the factors that `arrays` has given."""
        factors = np.asarray(arrays["factors"], np.float64)
        return cls(tuple(np.asarray(arrays[f"edges_{k}"], np.float64) for k in range(factors.ndim - 1)), factors)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return all that is to be stored."""
        return {"factors": self.factors, **{f"edges_{k}": edges for k, edges in enumerate(self.edges)}}

    def __call__(self, coordinates: NDArray[Any], classes: NDArray[Any]) -> Floats:
        """Return the factor of each jet, (n,); jets outside the bins get that of the nearest one."""
        coordinates = np.asarray(coordinates, np.float64).reshape(len(classes), -1)
        found: Floats = self.factors[(classes, *_bins_of(coordinates, self.edges))]
        return found

    def accepted(self, coordinates: NDArray[Any], classes: NDArray[Any], random: np.random.Generator) -> NDArray[np.bool_]:
        """Return which jets a sample keeps that has the same distributions without factors, (n,).

        One in (largest factor) / factor is kept, so that the ratio of the classes stays.
        """
        factors = self(coordinates, classes)
        kept: NDArray[np.bool_] = random.random(len(factors)) * self.factors.max() < factors
        return kept


def _edges(column: Floats, bins: int) -> Floats:
    """Return the edges of the bins of a coordinate, increasing."""
    values = np.unique(column)
    if 1 < len(values) <= bins:
        return np.append(values, 2 * values[-1] - values[-2])
    found: Floats = np.unique(np.quantile(column, np.linspace(0, 1, bins + 1).clip(TAIL, 1 - TAIL)))
    return found


def _bins_of(coordinates: Floats, edges: tuple[Floats, ...]) -> tuple[NDArray[np.int64], ...]:
    """Return the bin of each jet in each coordinate."""
    return tuple(np.searchsorted(e[1:-1], column, side="right") for e, column in zip(edges, coordinates.T, strict=True))


def _shares(flat: NDArray[Any], classes: NDArray[Any], weight: NDArray[Any], bins: int) -> Floats:
    """Return the share of each bin in the weight of each class, (classes, bins)."""
    number = int(classes.max()) + 1
    sums = np.bincount(classes * bins + flat, weight, number * bins).reshape(number, bins)
    total = sums.sum(1, keepdims=True)
    if not (total > 0).all():
        raise ValueError(f"Class {int(np.argmin(total))} has no positive sum of weights.")
    shares: Floats = sums / total
    return shares


def _volume(edges: tuple[Floats, ...]) -> Floats:
    """Return the share of each bin in the range, (bins,)."""
    volume = np.ones(1)
    for e in edges:
        width = np.diff(e) if len(e) > 1 else np.ones(1)
        volume = np.multiply.outer(volume, width / width.sum()).ravel()
    return volume


def _target(reference: Floats, bound: Floats) -> Floats:
    """Return min(scale * reference, bound) with sum 1, or less if the bound has less.

    The bins that reach the bound are those with the smallest ratio of bound to reference.
    """
    used = reference > 0
    ratio = np.where(used, bound / np.where(used, reference, 1.0), np.inf)
    order = np.argsort(ratio)
    bounded = np.concatenate([[0.0], np.cumsum((bound * used)[order])])
    free = np.concatenate([np.cumsum(reference[order][::-1])[::-1], [0.0]])
    with np.errstate(divide="ignore", invalid="ignore"):
        scales = (1 - bounded) / free
    # With the first k at the bound, the scale must lie between the ratios of the last one and the next.
    reached = np.flatnonzero((scales[:-1] <= ratio[order]) & (free[:-1] > 0))
    scale = scales[reached[0]] if len(reached) else np.inf
    return np.where(used, np.minimum(scale * np.where(used, reference, 1.0), bound), 0.0)
