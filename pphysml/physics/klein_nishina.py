"""Compton scattering of unpolarised photons by free electrons at rest.

The functions are compiled, and take numbers or arrays of any shape. Klein and Nishina, Z. Phys. 52
(1929) 853; formulas as in Evans, The Atomic Nucleus (1955), chapter 23.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

ELECTRON_MASS = 0.51099895
"""MeV."""

ELECTRON_RADIUS = 2.8179403e-12
"""Classical electron radius, mm."""

SMALL = 0.01
"""Energy in electron masses below which the total cross section is expanded: the closed form cancels there."""


@njit(cache=True, nogil=True)
def scattered_energy(energy: Any, cosine: Any) -> Any:
    """Return the energy of the photon after it is scattered by an angle, MeV.

    :math:`E' = E / (1 + E (1 - \\cos\\theta) / m_e)`.
    """
    return energy / (1.0 + energy / ELECTRON_MASS * (1.0 - cosine))


@njit(cache=True, nogil=True)
def differential_cross_section(energy: Any, cosine: Any) -> Any:
    r"""Return :math:`d\sigma/d\Omega = \frac{r_e^2}{2} P^2 (P + 1/P - \sin^2\theta)`, P = E'/E, mm^2/sr per electron.

    Args:
        energy: of the photon, MeV.
        cosine: of the scattering angle.
    """
    ratio = scattered_energy(energy, cosine) / energy
    return 0.5 * ELECTRON_RADIUS**2 * ratio**2 * (ratio + 1.0 / ratio - (1.0 - cosine * cosine))


@njit(cache=True, nogil=True)
def total_cross_section(energy: Any) -> Any:
    r"""Return the cross section, mm^2 per electron.

    With k = E / m_e,
    :math:`\sigma = 2 \pi r_e^2 \{\frac{1+k}{k^2} [\frac{2(1+k)}{1+2k} - \frac{\ln(1+2k)}{k}] + \frac{\ln(1+2k)}{2k} - \frac{1+3k}{(1+2k)^2}\}`;
    below `SMALL` the expansion about Thomson's, to k^4.

    Args:
        energy: of the photon, MeV.
    """
    k = energy / ELECTRON_MASS
    large = np.maximum(k, SMALL)
    log, ends = np.log1p(2.0 * large), 1.0 + 2.0 * large
    closed = (1.0 + large) / large**2 * (2.0 * (1.0 + large) / ends - log / large) + log / (2.0 * large) - (1.0 + 3.0 * large) / ends**2
    series = 4.0 / 3.0 * (1.0 + k * (-2.0 + k * (5.2 + k * (-13.3 + k * 1144.0 / 35.0))))
    return 2.0 * np.pi * ELECTRON_RADIUS**2 * np.where(k < SMALL, series, closed)


@njit(cache=True, nogil=True)
def draw_cosine(rng: Any, energy: float) -> float:
    """Return the cosine of a random scattering angle.

    The ratio of the energies is drawn from the sum of 1/P and P, and accepted with
    1 - P sin^2 / (1 + P^2) (Butcher and Messel, Nucl. Phys. 20 (1960) 15, as in EGS4 and Geant4).

    Args:
        rng: numpy's Generator.
        energy: of the photon, MeV.
    """
    k = energy / ELECTRON_MASS
    least = 1.0 / (1.0 + 2.0 * k)
    inverse, linear = -np.log(least), 0.5 * (1.0 - least * least)
    while True:
        if rng.random() * (inverse + linear) < inverse:
            ratio = np.exp(-inverse * rng.random())
        else:
            ratio = np.sqrt(least * least + (1.0 - least * least) * rng.random())
        away = (1.0 - ratio) / (k * ratio)
        if rng.random() < 1.0 - ratio * away * (2.0 - away) / (1.0 + ratio * ratio):
            return 1.0 - away  # type: ignore[no-any-return]
