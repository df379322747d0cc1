"""Attenuation of a material as tables for compiled code."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....physics.photon_attenuation import Material, attenuation

Floats = NDArray[np.float64]

CUTOFF = 0.010
"""Energy below which a photon is absorbed where it is, MeV."""

LARGEST = 0.52
"""Energy up to which the tables go, MeV."""

POINTS = 2048

STEP = np.log(LARGEST / CUTOFF) / (POINTS - 1)


TOTAL, PHOTOELECTRIC, SCATTERED = range(3)
"""Columns of the table: attenuation, 1/mm, share of the photoelectric effect, and share of it and Compton scattering together; the rest is Rayleigh's."""


class Medium(NamedTuple):
    """A material.

    Attributes:
        table: at `POINTS` energies of equal steps in their logarithm, (POINTS, 3).
        rayleigh_momentum: see `Material`, MeV.
    """

    table: Floats
    rayleigh_momentum: float


def medium_of(material: Material) -> Medium:
    """Return the tables of a material."""
    mu = attenuation(material, CUTOFF * np.exp(STEP * np.arange(POINTS)))
    shares = [mu.photoelectric / mu.total, (mu.photoelectric + mu.compton) / mu.total]
    return Medium(np.stack([mu.total, *shares], axis=1), material.rayleigh_momentum)


@njit(cache=True, nogil=True)
def value_at(medium: Medium, column: int, energy: float) -> Any:
    """Return a column at an energy, MeV, linear in the logarithm."""
    place = np.log(energy / CUTOFF) / STEP
    i = min(max(int(place), 0), POINTS - 2)
    low = medium.table[i, column]
    return low + (place - i) * (medium.table[i + 1, column] - low)
