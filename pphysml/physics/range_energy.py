"""Range and energy of protons and heavier nuclei in water, by the law of Bragg and Kleeman.

The functions are compiled, and take numbers or arrays of any shape.
"""

from __future__ import annotations

from typing import Any

from numba import njit

ALPHA = 0.0262
"""Range in water of a proton of 1 MeV, mm MeV^-p; with `EXPONENT` it gives 329.8 mm at 230 MeV."""

EXPONENT = 1.736
"""Power p of the energy."""

PROTON_MASS = 938.272
"""MeV."""

HELIUM_MASS_RATIO = 3.9726
"""Mass of the nucleus of helium-4 over that of the proton."""


@njit(cache=True, nogil=True)
def particle_range(energy: Any, mass_ratio: Any = 1.0, charge: Any = 1.0) -> Any:
    r"""Return the mean range in water, mm.

    :math:`R = \frac{m}{z^2} \alpha (E / m)^p`: at one velocity the range is proportional to mass
    over charge squared (Bragg and Kleeman, Phil. Mag. 10 (1905) 318; Bortfeld, Med. Phys. 24 (1997)
    2024, eq. 4).

    Args:
        energy: kinetic energy, MeV.
        mass_ratio: mass of the nucleus over that of the proton.
        charge: of the nucleus, in elementary charges.
    """
    return mass_ratio / charge**2 * ALPHA * (energy / mass_ratio) ** EXPONENT


@njit(cache=True, nogil=True)
def particle_energy(residual_range: Any, mass_ratio: Any = 1.0, charge: Any = 1.0) -> Any:
    """Return the kinetic energy in MeV of a particle with this range left, mm; inverse of `particle_range`."""
    return mass_ratio * (residual_range * charge**2 / mass_ratio / ALPHA) ** (1.0 / EXPONENT)


@njit(cache=True, nogil=True)
def stopping_power(residual_range: Any, mass_ratio: Any = 1.0, charge: Any = 1.0) -> Any:
    """Return the mean energy loss in water, E / (p R), MeV/mm (Bortfeld 1997, eq. 6)."""
    return particle_energy(residual_range, mass_ratio, charge) / (EXPONENT * residual_range)


@njit(cache=True, nogil=True)
def momentum_velocity(energy: Any, mass_ratio: Any = 1.0) -> Any:
    """Return momentum times velocity, E (E + 2 M) / (E + M), MeV."""
    mass = mass_ratio * PROTON_MASS
    return energy * (energy + 2.0 * mass) / (energy + mass)


@njit(cache=True, nogil=True)
def beta_squared(energy: Any, mass_ratio: Any = 1.0) -> Any:
    """Return the square of the velocity in units of that of light."""
    mass = mass_ratio * PROTON_MASS
    return energy * (energy + 2.0 * mass) / (energy + mass) ** 2
