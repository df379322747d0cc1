"""Fluctuations of range and of energy loss.

The functions are compiled, and take numbers or arrays of any shape.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .range_energy import ALPHA, EXPONENT

BOHR = 0.0087
"""Growth of the variance of a proton's energy in water, MeV^2/mm (Bohr; Bortfeld 1997, after eq. 17)."""

ELECTRON_MASS = 0.510999
"""MeV."""

SILICON_EXCITATION = 173e-6
"""Mean excitation energy of silicon, MeV."""

SILICON_SCALE = 0.153537 * 0.49848 * 2.329 / 10.0
"""Landau's xi of silicon for beta = 1 and charge 1, MeV/mm: 0.1535 MeV cm2/g times Z / A times density."""

SENSOR_YIELD = 1.04
"""Energy that Geant4 leaves in 13.9 um of silicon, over Bethe's mean loss, at 130 MeV."""

YIELD_THIN, YIELD_THICK = 0.05, 0.2
"""Thickness, mm, up to which sensors have this yield, and from which theirs is 1."""

BINDING = 1.3e-3
"""Gaussian width that the binding of electrons adds in 10 um of silicon, MeV, fitted to the same spectrum (as by P. Shulek et al., Sov. J. Nucl. Phys. 4 (1967) 400)."""


@njit(cache=True, nogil=True)
def range_variance(distance: Any, mass_ratio: float = 1.0, charge: float = 1.0) -> Any:
    r"""Return the variance of the range that the last `distance` mm of water before the stop add, mm^2.

    :math:`\sigma^2 = \alpha' \frac{p^3 \alpha^{2/p}}{3 p - 2} R^{3 - 2/p}` (Bortfeld, Med. Phys. 24
    (1997) 2024, eq. 18; about 1.1 % of a proton's range). At one velocity, for which R is m / z^2 times
    that of a proton, energy spreads as z^2 and the loss grows as z^2, so that the variance is that of
    the proton times m / z^4.
    """
    proton = distance * charge**2 / mass_ratio
    scale = BOHR * EXPONENT**3 * ALPHA ** (2.0 / EXPONENT) / (3.0 * EXPONENT - 2.0)
    return mass_ratio / charge**4 * scale * proton ** (3.0 - 2.0 / EXPONENT)


@njit(cache=True, nogil=True)
def largest_transfer(beta2: Any) -> Any:
    """Return the largest energy that a heavy particle gives to an electron, 2 m beta^2 gamma^2, MeV."""
    return 2.0 * ELECTRON_MASS * beta2 / (1.0 - beta2)


@njit(cache=True, nogil=True)
def landau_scale(beta2: Any, thickness: float, charge: float = 1.0) -> Any:
    r"""Return :math:`\xi` of silicon, MeV: above the energy e there are about xi / e collisions.

    Args:
        thickness: of the sensor along the track, mm.
    """
    return SILICON_SCALE * charge**2 * thickness / beta2


def sensor_yield(thickness: float) -> float:
    """Return the mean energy that is left in a sensor over Bethe's loss: `SENSOR_YIELD` in thin ones, 1 in thick ones.

    In between it falls with the logarithm of the thickness, mm.
    """
    return float(np.interp(np.log(thickness), np.log([YIELD_THIN, YIELD_THICK]), [SENSOR_YIELD, 1.0]))


@njit(cache=True, nogil=True)
def silicon_loss(beta2: Any, thickness: Any, charge: float = 1.0, loss_yield: float = SENSOR_YIELD) -> Any:
    """Return the mean energy that is left in a sensor, MeV: its yield times Bethe's loss.

    Shell and density corrections are left out. The logarithm is never below ln 3, which it reaches for protons of 0.24 MeV, where the formula fails.
    """
    logarithm = np.log(np.maximum(largest_transfer(beta2) / SILICON_EXCITATION, 3.0))
    return 2.0 * loss_yield * landau_scale(beta2, thickness, charge) * (logarithm - beta2)
