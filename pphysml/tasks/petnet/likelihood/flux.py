"""How many singles each part of the scanner sees, by which randoms are distributed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array

ANGLES = 24
RINGS = 24


@dataclass(frozen=True)
class Flux:
    """Singles by place, relative to their mean.

    Attributes:
        z_low, z_high: ends of the scanner, mm.
        table: float64 (RINGS, ANGLES), along the axis and around it, mean 1.
    """

    z_low: float
    z_high: float
    table: Array

    @classmethod
    def of(cls, x: Array, y: Array, z: Array) -> Flux:
        """Count singles, mm."""
        z_low, z_high = float(z.min()), float(z.max())
        flux = cls(z_low, z_high, np.ones((RINGS, ANGLES)))
        counts = np.bincount(flux._place(x, y, z), minlength=RINGS * ANGLES).reshape(RINGS, ANGLES)
        # One count more of everything: places without crystals are looked at, too.
        table = (counts + 1.0) / (counts + 1.0).mean()
        return cls(z_low, z_high, table)

    def at(self, x: Array, y: Array, z: Array) -> Array:
        """Return the flux at places, float64."""
        found: Array = self.table.ravel()[self._place(x, y, z)]
        return found

    def _place(self, x: Array, y: Array, z: Array) -> Array:
        angle = (np.arctan2(y, x) / (2 * np.pi) % 1.0 * ANGLES).astype(np.int64) % ANGLES
        span = max(self.z_high - self.z_low, 1e-6)
        ring = np.clip((z - self.z_low) / span * RINGS, 0, RINGS - 1).astype(np.int64)
        place: Array = ring * ANGLES + angle
        return place
