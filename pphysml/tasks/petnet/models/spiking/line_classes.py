"""Classes of lines of response: those that turning the scanner about its axis maps onto each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...scanner.scanner import Scanner

Indices = NDArray[np.int64]


class LineClass(NamedTuple):
    """Class of pairs of crystals.

    Attributes:
        step: difference of the transaxial places, counted the short way around the ring, int64 (P,).
        rings: number of the pair of rings, int64 (P,).
    """

    step: Indices
    rings: Indices


class LineClasses:
    """Tells the classes of pairs of crystals.

    It is the same for either order of the crystals; layers do not count. For blocks on a ring the symmetry
    holds approximately.

    Attributes:
        steps, rings: number of differences of places, and of pairs of rings.
    """

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.steps = scanner.crystals_per_ring // 2 + 1
        self.rings = scanner.n_rings * (scanner.n_rings + 1) // 2

    def of(self, a: Indices, b: Indices) -> LineClass:
        """Return the class of pairs of crystals by their linear indices."""
        (_, ring_a, place_a), (_, ring_b, place_b) = self.scanner.places(a), self.scanner.places(b)
        step = np.abs(place_a - place_b)
        high, low = np.maximum(ring_a, ring_b), np.minimum(ring_a, ring_b)
        return LineClass(np.minimum(step, self.scanner.crystals_per_ring - step), high * (high + 1) // 2 + low)
