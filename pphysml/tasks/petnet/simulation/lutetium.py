"""Lu-176 in the crystals: its rate, the energy of its beta electrons, and its gammas.

Nearly every decay (99.7 %) is a beta decay of up to 593 keV to the level of Hf-176 at 597 keV, which
goes down by 307, 202 and 88 keV, each a gamma or a conversion electron (Nuclear Data Sheets 107 (2006)
791). The electrons stay in the crystal; delays of the levels (1.4 ns at 88 keV) are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....physics.klein_nishina import ELECTRON_MASS
from ....physics.photon_attenuation import AVOGADRO, LUTETIUM, Material

Floats = NDArray[np.float64]

GAMMAS = np.array([[0.3068, 0.936], [0.2018, 0.780], [0.0883, 0.145]])
"""Energy, MeV, and probability that the transition is a gamma and no electron."""

BETA_END = 0.593
"""Largest energy of the electron, MeV."""

ABUNDANCE = 0.02599
HALF_LIFE = 3.76e10 * 365.25 * 86400.0
"""s; the activity that follows, 40 Bq per gram of LSO, is the one that is usually quoted."""

DAUGHTER = 72
"""Protons of hafnium."""

FINE_STRUCTURE = 1.0 / 137.036


def activity_per_volume(material: Material) -> float:
    """Return the decays per second of Lu-176 in a mm^3."""
    atoms = material.density * 1e-3 * material.weight_fraction(LUTETIUM) * AVOGADRO / LUTETIUM.weight
    return float(atoms * ABUNDANCE * np.log(2.0) / HALF_LIFE)


def beta_spectrum(energy: Floats) -> Floats:
    """Return the density of the electron's kinetic energy (MeV), not normalised.

    Phase space p E (Q - T)^2 of an allowed decay with the non-relativistic Fermi function; the real
    one is forbidden, of nearly the same shape.
    """
    total = energy + ELECTRON_MASS
    momentum = np.sqrt(energy * (energy + 2.0 * ELECTRON_MASS))
    # eta * momentum stays finite where the electron stops.
    eta = 2.0 * np.pi * FINE_STRUCTURE * DAUGHTER * total / np.maximum(momentum, 1e-9)
    shape: Floats = momentum * total * (BETA_END - energy) ** 2 * eta / -np.expm1(-eta)
    return shape


def beta_quantiles(points: int = 1024) -> Floats:
    """Return the electron's energy, MeV, at equal steps of the cumulative probability from 0 to 1."""
    energy = np.linspace(0.0, BETA_END, 20 * points)
    density = beta_spectrum(energy)
    cumulative = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    quantiles: Floats = np.interp(np.linspace(0.0, 1.0, points), cumulative / cumulative[-1], energy)
    return quantiles
