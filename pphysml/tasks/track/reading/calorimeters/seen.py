"""Where hits lie close together along the beam: what is seen of the layers, amid hits that lie anywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .....io.ragged import Array
from ...geometries.geometry import Floats

GAP = 0.5
"""Distance between positions, mm, from which they belong to two layers."""

DENSE = 0.05
"""Distance up to which hits of a sensor follow one another, mm."""

FEW_SHARE, FEWEST = 0.05, 20
"""Dense pieces of so few hits, as a share of the usual piece and at most, are none of a layer."""

STRONG = 0.1
"""Hits of a layer that is certainly one, as a share of the usual layer."""

ENOUGH = 100
"""Hits from which the thickness of a sensor is measured."""

MEASURED, WIDE = 10, 90.0
"""Hits of a layer whose extent serves for that, and the percentile of the extents: some layers may have few hits at one of their faces."""


@dataclass(frozen=True)
class Seen:
    """The K layers that are seen, by rising z.

    Attributes:
        z: their centres, mm, (K,).
        spread: their extents, mm, (K,).
        hits: in each, (K,).
        left_out: hits that are in none of them.
        usual: hits in the layer of the median hit.
        thickness: of a sensor as measured, mm; None where hits are too few or all in its middle.
    """

    z: Floats
    spread: Floats
    hits: Array
    left_out: int
    usual: int
    thickness: float | None

    @property
    def strong(self) -> Array:
        """Which of them are certainly layers, bool (K,)."""
        return self.hits > max(1.0 if self.usual >= 3 else 0.0, STRONG * self.usual)

    def only(self, chosen: Array) -> Seen:
        """Return those that are chosen by a mask; the hits of the others are left out."""
        return Seen(self.z[chosen], self.spread[chosen], self.hits[chosen], self.left_out + int(self.hits[~chosen].sum()), self.usual, self.thickness)


def seen_layers(z: Array, local_z: Array | None = None) -> Seen:
    """Return the layers that positions along the beam show.

    Hits that follow one another densely are a piece of a layer. Pieces of few hits beside large ones are not: they are
    noise, or so deep that few particles get there.

    Args:
        z: mm, (H,) with H > 0.
        local_z: positions inside the sensors, mm, (H,), by which their thickness is known.
    """
    ordered = np.sort(np.asarray(z, dtype=np.float64))
    low, high, hits = _pieces(ordered)
    kept = hits > few(hits)
    low, high, hits = low[kept], high[kept], hits[kept]
    starts = np.flatnonzero(np.concatenate([[True], low[1:] - high[:-1] > GAP]))
    low, high, hits = low[starts], np.maximum.reduceat(high, starts), np.add.reduceat(hits, starts)
    spread = high - low
    thickness = _thickness(local_z, spread, hits, len(ordered))
    return Seen((low + high) / 2, spread, hits, len(ordered) - int(hits.sum()), usual(hits), thickness)


def _pieces(ordered: Floats) -> tuple[Floats, Floats, Array]:
    """Return the lowest and the highest position of each dense piece, and its hits."""
    cut = np.flatnonzero(np.diff(ordered) > DENSE)
    first, last = np.concatenate([[0], cut + 1]), np.concatenate([cut, [len(ordered) - 1]])
    return ordered[first], ordered[last], last - first + 1


def usual(hits: Array) -> int:
    """Return how many hits the piece of the median hit has."""
    ordered = np.sort(hits)
    total = np.cumsum(ordered)
    return int(ordered[np.searchsorted(total, total[-1] / 2)])


def few(hits: Array) -> int:
    """Return up to how many hits pieces of so many are none of a layer."""
    return min(FEWEST, int(FEW_SHARE * usual(hits)))


def _thickness(local_z: Array | None, spread: Floats, hits: Array, n: int) -> float | None:
    if n < ENOUGH:
        return None
    spreads = [] if local_z is None else [_extent(local_z)]
    # Local positions may be those of a larger volume; then the sensors' hits say it. A hit from elsewhere may widen one of them.
    many = hits >= MEASURED
    spreads.append(float(np.percentile(spread[many] if many.any() else spread, WIDE)))
    return next((s for s in spreads if 1e-3 < s < 1.0), None)


def _extent(values: Array) -> float:
    """Return how far the largest dense piece of values reaches."""
    low, high, hits = _pieces(np.sort(np.asarray(values, dtype=np.float64)))
    largest = int(np.argmax(hits))
    return float(high[largest] - low[largest])
