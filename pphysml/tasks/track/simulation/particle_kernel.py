"""A simulated particle: an array of its state, how it starts in the beam, and how it turns."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ....physics.range_energy import particle_range
from ..geometries.geometry import Floats

X, Y, SLOPE_X, SLOPE_Y, RANGE, MASS, CHARGE, PDG, TRACK, PARENT, SLAB, CROSSED, FIELDS = range(13)
"""Places in a particle's array: position, mm, slopes, range left in water, mm, ids, slab and the share of it behind the particle."""

WIDEST = 4.0
"""Path per distance along the beam (75 degrees) above which a particle is given up."""


class Beam(NamedTuple):
    """The beam at the phantom's front.

    Attributes:
        energy, energy_spread: kinetic, MeV.
        sigma: width of the spot in x and y, mm.
        divergence: width of the slopes.
        mass_ratio, charge, pdg: the particle; its mass over that of the proton.
    """

    energy: float
    energy_spread: float
    sigma: float
    divergence: float
    mass_ratio: float
    charge: float
    pdg: int


@njit(cache=True, nogil=True)
def start(rng: Any, beam: Beam, particle: Floats) -> None:
    """Fill a particle of the beam at the front of the first slab."""
    energy = max(beam.energy + beam.energy_spread * rng.standard_normal(), 1.0)
    particle[X], particle[Y] = beam.sigma * rng.standard_normal(), beam.sigma * rng.standard_normal()
    particle[SLOPE_X], particle[SLOPE_Y] = beam.divergence * rng.standard_normal(), beam.divergence * rng.standard_normal()
    particle[RANGE] = particle_range(energy, beam.mass_ratio, beam.charge)
    particle[MASS], particle[CHARGE], particle[PDG] = beam.mass_ratio, beam.charge, beam.pdg
    particle[TRACK], particle[PARENT], particle[SLAB], particle[CROSSED] = 1, 0, 0, 0.0


@njit(cache=True, nogil=True)
def turn(particle: Floats, slope_x: float, slope_y: float, new: Floats) -> bool:
    """Give a particle the direction that has these slopes about that of another; return whether it is forwards enough."""
    angle_x = np.arctan(particle[SLOPE_X])
    angle_y = np.arctan(particle[SLOPE_Y] * np.cos(angle_x))
    y, across = slope_y * np.cos(angle_y) + np.sin(angle_y), np.cos(angle_y) - slope_y * np.sin(angle_y)
    x, z = slope_x * np.cos(angle_x) + across * np.sin(angle_x), across * np.cos(angle_x) - slope_x * np.sin(angle_x)
    if z * WIDEST < np.sqrt(x * x + y * y + z * z):
        return False
    new[SLOPE_X], new[SLOPE_Y] = x / z, y / z
    return True
