"""Classes of lines of response: those that turning the scanner about its axis maps onto each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..scanner.scanner import Scanner

Indices = NDArray[np.int64]


class LineClasses:
    """Numbers the classes of pairs of crystals.

    A class has one difference of the transaxial places, counted the short way around the ring, and one pair of
    rings; layers do not count. It is the same for either order of the crystals. For blocks on a ring the
    symmetry holds approximately.

    Attributes:
        n: number of classes.
    """

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self._rings = scanner.n_rings * (scanner.n_rings + 1) // 2
        self.n = (scanner.crystals_per_ring // 2 + 1) * self._rings

    def of(self, a: Indices, b: Indices) -> Indices:
        """Return the class of pairs of crystals by their linear indices, int64 (P,)."""
        (_, ring_a, place_a), (_, ring_b, place_b) = self.scanner.places(a), self.scanner.places(b)
        step = np.abs(place_a - place_b)
        step = np.minimum(step, self.scanner.crystals_per_ring - step)
        high, low = np.maximum(ring_a, ring_b), np.minimum(ring_a, ring_b)
        found: Indices = step * self._rings + high * (high + 1) // 2 + low
        return found
