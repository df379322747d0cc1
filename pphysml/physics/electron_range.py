"""Practical range of electrons, and the energy that belongs to it.

The functions are compiled, and take numbers or arrays of any shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

SCALE, EXPONENT, CURVATURE = 0.412, 1.265, 0.0954


@njit(cache=True, nogil=True)
def electron_range(energy: Any) -> Any:
    r"""Return the practical range, g/cm2, of an electron of 0.01 to 2.5 MeV in light materials.

    :math:`R = 0.412\,E^{1.265 - 0.0954 \ln E}` (L. Katz, A. Penfold, Rev. Mod. Phys. 24 (1952) 28).

    Args:
        energy: kinetic, MeV.
    """
    return SCALE * energy ** (EXPONENT - CURVATURE * np.log(energy))


@njit(cache=True, nogil=True)
def electron_energy(practical_range: Any) -> Any:
    """Return the energy in MeV of an electron with this practical range, g/cm2; inverse of `electron_range`."""
    logarithm = np.log(practical_range / SCALE)
    return np.exp((EXPONENT - np.sqrt(EXPONENT**2 - 4.0 * CURVATURE * logarithm)) / (2.0 * CURVATURE))
