"""Multiple Coulomb scattering: width, tail, and the displacement inside a thick scatterer.

The functions are compiled, and take numbers or arrays of any shape. Angles are rad, `pv` is
momentum times velocity in MeV.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

HIGHLAND = 13.6
"""MeV."""

HIGHLAND_LOGARITHM = 0.038

SINGLE = 5.0
"""Scale of single scattering, MeV: square root of 0.157 Z (Z + 1) / A X0; 4.89 in water, 5.06 in aluminium."""


@njit(cache=True, nogil=True)
def highland_factor(radiation_lengths: Any) -> Any:
    """Return 1 + 0.038 ln(X / X0), never below 0.5 (a scatterer of a millionth of a radiation length)."""
    return np.maximum(1.0 + HIGHLAND_LOGARITHM * np.log(np.maximum(radiation_lengths, 1e-30)), 0.5)


@njit(cache=True, nogil=True)
def highland_angle(radiation_lengths: Any, pv: Any, charge: Any = 1.0) -> Any:
    r"""Return the Gaussian width of the deflection projected on a plane.

    :math:`\theta_0 = \frac{13.6\,\mathrm{MeV}}{pv} z \sqrt{X / X_0} (1 + 0.038 \ln (X / X_0))`
    (V. Highland, Nucl. Instrum. Meth. 129 (1975) 497, with the constants of G. Lynch and O. Dahl,
    Nucl. Instrum. Meth. B 58 (1991) 6, as in the Review of Particle Physics).
    """
    return HIGHLAND * charge / pv * np.sqrt(radiation_lengths) * highland_factor(radiation_lengths)


@njit(cache=True, nogil=True)
def single_angle(radiation_lengths: Any, pv: Any, charge: Any = 1.0) -> Any:
    r"""Return the angle :math:`\chi_c` above which a particle scatters once on average.

    Far out, single (Rutherford) scatters above the angle :math:`\chi` number
    :math:`\chi_c^2 / \chi^2`, :math:`\chi_c^2 = 0.157 z^2 Z (Z + 1) X / A / (pv)^2` with X in g/cm2
    and pv in MeV (G. Moliere, Z. Naturforsch. 3a (1948) 78; H. Bethe, Phys. Rev. 89 (1953) 1256).
    """
    return SINGLE * charge / pv * np.sqrt(radiation_lengths)


@njit(cache=True, nogil=True)
def soft_share(radiation_lengths: Any, single: Any = SINGLE) -> Any:
    r"""Return the share of Highland's variance that scatters below :math:`\chi_c` make up.

    With Moliere's :math:`B = 2 \theta_0^2 / \chi_c^2` and :math:`b = B - \ln B`, scatters below
    :math:`\chi_c` have the mean square angle :math:`\chi_c^2 (b + \ln 1.167 - 1)` in space.

    Args:
        single: scale of single scattering, see `SINGLE`.
    """
    b = 2.0 * (HIGHLAND / single * highland_factor(radiation_lengths)) ** 2
    return np.maximum(b - np.log(b) + 0.154 - 1.0, 0.0) / b


@njit(cache=True, nogil=True)
def displacement(angle: Any, other: Any, width: Any, length: Any) -> Any:
    r"""Return the shift at the end of a thick scatterer of the given length that goes with a deflection.

    :math:`y = L (\theta / 2 + \theta_0 z / \sqrt{12})` with z standard normal, so that the variance is
    :math:`L^2 \theta_0^2 / 3` and the correlation with the angle :math:`\sqrt 3 / 2` (Review of
    Particle Physics, section "Multiple scattering through small angles").

    Args:
        angle: deflection, of Gaussian width `width`.
        other: an independent standard normal number.
    """
    return length * (0.5 * angle + width * other / np.sqrt(12.0))
