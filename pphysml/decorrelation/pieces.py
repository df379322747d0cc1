"""Where the pieces of splines meet: close together where many jets are, and where the distribution of the score changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .spline_basis import Floats

BINS = 128
"""Of equal numbers of jets, in which changes are looked for."""

CUTS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 0.99)
"""Quantiles of the score; the share of jets beyond each is compared between neighbouring bins."""

CHANCE = 2.0
"""Standard deviations of a change that is taken for chance."""

OF_CHANGES = 0.5
"""Part of the pieces that lie by changes; the others have equal numbers of jets."""


@dataclass(frozen=True)
class Pieces:
    """Pieces of one coordinate that can be halved again and again.

    Attributes:
        edges: increasing, (bins + 1,).
        share: of all pieces that lie below each edge, from 0 to 1, (bins + 1,).
    """

    edges: Floats
    share: Floats

    @classmethod
    def of(cls, coordinate: Floats, score: Floats) -> Pieces:
        """Return the pieces for jets with a coordinate and a score, (n,) each."""
        edges = np.unique(np.quantile(coordinate, np.linspace(0, 1, BINS + 1)))
        bin_ = np.searchsorted(edges[1:-1], coordinate, side="right")
        jets = np.bincount(bin_, minlength=max(len(edges) - 1, 1)).astype(float)
        changes = _changes(bin_, jets, score)
        density = jets / jets.sum()
        if changes.sum() > 0:
            density = (1 - OF_CHANGES) * density + OF_CHANGES * changes / changes.sum()
        return cls(edges, np.append(0.0, np.cumsum(density) / density.sum())[: len(edges)])

    def breaks(self, pieces: int) -> Floats:
        """Return the ends of so many pieces, increasing; those of half as many are among them."""
        breaks: Floats = np.unique(np.interp(np.linspace(0, 1, pieces + 1), self.share, self.edges))
        return breaks


def _changes(bin_: NDArray[np.int64], jets: Floats, score: Floats) -> Floats:
    """Return how much the distribution of the score changes between a bin and its neighbours, beyond chance, (bins,)."""
    found = np.zeros(len(jets))
    for cut in np.quantile(score, CUTS):
        beyond = (np.bincount(bin_, score > cut, len(jets)) + 0.5) / (jets + 1)
        variance = beyond * (1 - beyond) / (jets + 1)
        step = np.sqrt(np.maximum(np.diff(beyond) ** 2 - CHANCE**2 * (variance[1:] + variance[:-1]), 0) / max(beyond.var(), 1e-12))
        found[1:] += step
        found[:-1] += step
    return found
