"""Singles in the energy window."""

from __future__ import annotations

import numpy as np

from ....errors import FileName
from ....io.problems import Place, place
from ....io.ragged import Array, Columns, length, take

KEV = 1e-3
"""MeV."""

BINS = np.geomspace(1.0, 10_000.0, 401)
"""Of the energies that are told where none is taken, keV."""

Window = tuple[float, float] | None


def within(energy: Array, energy_window: Window) -> Array:
    """Return which energies (MeV) lie in a range in keV, ends included, bool."""
    if energy_window is None:
        return np.ones(len(energy), dtype=bool)
    low, high = energy_window
    # In float32, as files have them, 391 keV must not lie below 0.391 MeV.
    inside: Array = (energy >= np.float32(low * KEV)) & (energy <= np.float32(high * KEV))
    return inside


class EnergyCut:
    """Leaves out singles outside the energy window, and those of negative energy, which a resolution can make.

    Args:
        energy_window: keV, ends included; None takes all that are not negative.
    """

    def __init__(self, energy_window: Window) -> None:
        self.energy_window = energy_window
        self._n_taken = self._n_negative = 0
        self._negative: Place | None = None
        self._spectrum = np.zeros(len(BINS) + 1, dtype=np.int64)

    def add(self, singles: Columns) -> Columns:
        """Return those of the next singles that are left."""
        if not length(singles):
            return singles
        energy = np.asarray(singles["energy"])
        inside = within(energy, self.energy_window)
        if energy.min() < 0:
            inside &= self._not_negative(singles, energy)
        self._n_taken += int(np.count_nonzero(inside))
        if not self._n_taken:
            self._spectrum += np.bincount(np.searchsorted(BINS, energy / KEV), minlength=len(self._spectrum))
        return singles if inside.all() else take(singles, inside)

    def warnings(self, named: FileName) -> list[str]:
        """Return what is odd about the energies."""
        found = []
        if self._negative is not None:
            found.append(f"{self._n_negative} singles have a negative energy and were left out, the first in {self._negative.text(named)}")
        if self.energy_window is not None and not self._n_taken and self._spectrum.any():
            low, high = self.energy_window
            few, middle, many = (BINS[min(np.searchsorted(np.cumsum(self._spectrum), share * self._spectrum.sum()), len(BINS) - 1)] for share in (0.05, 0.5, 0.95))
            found.append(f"none of the {self._spectrum.sum()} singles lies in the energy window of {low:g} to {high:g} keV: they have {middle:.3g} keV in the middle, and "
                         f"nine of ten {few:.3g} to {many:.3g} keV; choose another with --energy-window LOW:HIGH")
        return found

    def _not_negative(self, singles: Columns, energy: Array) -> Array:
        negative = energy < 0
        if not self._n_negative:
            self._negative = place(singles, int(np.argmax(negative)))
        self._n_negative += int(np.count_nonzero(negative))
        return ~negative
