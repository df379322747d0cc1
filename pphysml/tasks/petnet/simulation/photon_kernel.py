"""A photon: an array of its state, and how it turns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....physics.klein_nishina import scattered_energy

Floats = NDArray[np.float64]

X, Y, Z, DX, DY, DZ, ENERGY, PATH, FIELDS = range(9)
"""Places in a photon's array: position, mm, direction, energy, MeV, and path from its origin, mm."""

COMPTON_PHANTOM, COMPTON_CRYSTAL, RAYLEIGH_PHANTOM, RAYLEIGH_CRYSTAL = range(4)
"""Places in the array of its scatters, int64."""


@njit(cache=True, nogil=True)
def start(photon: Floats, origin: Floats, direction: Floats, energy: float) -> None:
    """Fill a photon."""
    for axis in range(3):
        photon[X + axis], photon[DX + axis] = origin[axis], direction[axis]
    photon[ENERGY], photon[PATH] = energy, 0.0


@njit(cache=True, nogil=True)
def move(photon: Floats, distance: float) -> None:
    """Move a photon along its direction, mm."""
    for axis in range(3):
        photon[X + axis] += distance * photon[DX + axis]
    photon[PATH] += distance


@njit(cache=True, nogil=True)
def turn(rng: Any, photon: Floats, cosine: float) -> None:
    """Turn a photon by an angle, at a random azimuth about its direction."""
    sine, azimuth = np.sqrt(max(1.0 - cosine * cosine, 0.0)), 2.0 * np.pi * rng.random()
    u, v = sine * np.cos(azimuth), sine * np.sin(azimuth)
    x, y, z = photon[DX], photon[DY], photon[DZ]
    # Orthonormal basis without a singular direction: Duff et al., J. Comput. Graph. Tech. 6 (2017) 1.
    sign = 1.0 if z >= 0.0 else -1.0
    a = -1.0 / (sign + z)
    b = x * y * a
    photon[DX] = u * (1.0 + sign * x * x * a) + v * b + cosine * x
    photon[DY] = u * sign * b + v * (sign + y * y * a) + cosine * y
    photon[DZ] = -u * sign * x - v * y + cosine * z
    length = np.sqrt(photon[DX] ** 2 + photon[DY] ** 2 + photon[DZ] ** 2)
    for axis in range(3):
        photon[DX + axis] /= length


@njit(cache=True, nogil=True)
def draw_direction(rng: Any, direction: Floats) -> None:
    """Fill a random direction, uniform on the sphere."""
    cosine, azimuth = 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
    sine = np.sqrt(1.0 - cosine * cosine)
    direction[0], direction[1], direction[2] = sine * np.cos(azimuth), sine * np.sin(azimuth), cosine


@njit(cache=True, nogil=True)
def start_pair(rng: Any, photon: Floats, partner: Floats, origin: Floats, energy: float, acollinearity: float) -> None:
    """Fill two photons from one point, the first in a random direction, the other opposite.

    Args:
        acollinearity: Gaussian width of the angle between the second and the opposite of the first in
            a projection, rad: 0.5 degrees FWHM in water (P. Colombino et al., Nuovo Cim. 38 (1965) 707; K. Shibuya et
            al., Phys. Med. Biol. 52 (2007) 5249 find 0.54 in man).
    """
    direction = np.empty(3)
    draw_direction(rng, direction)
    start(photon, origin, direction, energy)
    start(partner, origin, -direction, energy)
    # Two Gaussian projections make an angle of Rayleigh's distribution.
    turn(rng, partner, np.cos(acollinearity * np.sqrt(2.0 * rng.standard_exponential())))


@njit(cache=True, nogil=True)
def draw_rayleigh_cosine(rng: Any, energy: float, momentum: float) -> float:
    """Return the cosine of the angle of a Rayleigh scatter.

    Thomson's (1 + cos^2) / 2 times the squared form factor (1 + q^2 / momentum^2)^-2 of the momentum
    transfer q = 2 E sin(theta / 2): below `momentum` half of the scatters are, if it is small.

    Args:
        energy, momentum: MeV.
    """
    scale = (momentum / energy) ** 2
    most = 4.0 / (4.0 + scale)
    while True:
        share = most * rng.random()
        cosine = 1.0 - 0.5 * scale * share / (1.0 - share)
        if 2.0 * rng.random() < 1.0 + cosine * cosine:
            return cosine  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def lose_energy(photon: Floats, cosine: float) -> float:
    """Give a photon its energy after a Compton scatter; return what it loses, MeV."""
    before = photon[ENERGY]
    photon[ENERGY] = scattered_energy(before, cosine)
    return before - photon[ENERGY]  # type: ignore[no-any-return]
