"""Where a simulated particle meets a nucleus, and the particles that go on from there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ....physics.range_energy import particle_energy, particle_range
from ..geometries.geometry import Floats
from .neutral_kernel import add_photons
from .nuclear_kernel import (
    ENERGY,
    MOST_PRODUCTS,
    PRODUCT_CHARGE,
    PRODUCT_MASS,
    PRODUCT_PDG,
    SLOPE_ABOUT_X,
    SLOPE_ABOUT_Y,
    collision_rate,
    elastic_angle,
    hydrogen_protons,
    hydrogen_rate,
    outgoing,
)
from .particle_kernel import (
    CHARGE,
    CROSSED,
    MASS,
    PARENT,
    PDG,
    RANGE,
    SLAB,
    SLOPE_X,
    SLOPE_Y,
    TRACK,
    X,
    Y,
    turn,
)
from .rows_kernel import Rows, Sensors
from .slabs import Slabs

INELASTIC_NUCLEUS, ELASTIC_NUCLEUS, HYDROGEN = range(3)


@njit(cache=True, nogil=True)
def free_path(rng: Any, energy: float, slabs: Slabs, s: int, mass_ratio: float) -> tuple[float, int]:
    """Return the water-equivalent path to the next collision, mm, infinite for none, and its kind."""
    nucleus = collision_rate(energy, slabs.collisions[s], mass_ratio)
    hydrogen = hydrogen_rate(energy, slabs.hydrogen[s], mass_ratio)
    total = nucleus * (1.0 + slabs.elastic[s]) + hydrogen
    if total <= 0.0:
        return np.inf, INELASTIC_NUCLEUS
    chosen = rng.random() * total
    kind = INELASTIC_NUCLEUS if chosen < nucleus else ELASTIC_NUCLEUS if chosen < total - hydrogen else HYDROGEN
    return -np.log(1.0 - rng.random()) / total, kind


@njit(cache=True, nogil=True)
def collide(
    rng: Any, event: int, particle: Floats, kind: int, s: int, share: float, slabs: Slabs, sensors: Sensors,
    rows: Rows, waiting: Floats, left: int,
) -> int:
    """Put what goes on from a collision among the particles that wait; return how many wait then.

    Args:
        particle: with the range that is left at the collision, and where it entered the slab.
        kind: of `free_path`.
        share: of the slab in front of the collision.
        waiting, left: particles, (most, fields), and how many are there.
    """
    along = slabs.length[s] * (share - particle[CROSSED])
    particle[X] += particle[SLOPE_X] * along
    particle[Y] += particle[SLOPE_Y] * along
    particle[SLAB], particle[CROSSED] = s, share
    energy = particle_energy(particle[RANGE], particle[MASS], particle[CHARGE])
    products = np.empty((MOST_PRODUCTS, 6))
    if kind == ELASTIC_NUCLEUS:
        slope, about = np.tan(elastic_angle(rng, energy, particle[MASS], slabs.slope[s])), 2.0 * np.pi * rng.random()
        return _go_on(particle, particle[RANGE], slope * np.cos(about), slope * np.sin(about), waiting, left)
    if kind == HYDROGEN:
        hydrogen_protons(rng, energy, products)
        left = _set_free(particle, products[1], rows, waiting, left)
        first = products[0]
        return _go_on(particle, particle_range(first[ENERGY], 1.0, 1.0), first[SLOPE_ABOUT_X], first[SLOPE_ABOUT_Y], waiting, left)
    for i in range(outgoing(rng, energy, particle[MASS], slabs.escape[s], slabs.slope[s], products)):
        left = _set_free(particle, products[i], rows, waiting, left)
    z = slabs.start[s] + slabs.length[s] * share
    add_photons(rng, event, particle[X], particle[Y], z, particle[TRACK], sensors, rows)
    return left


@njit(cache=True, nogil=True)
def _go_on(particle: Floats, left_range: float, slope_x: float, slope_y: float, waiting: Floats, left: int) -> int:
    """Let the particle itself wait, turned and with another range."""
    if left == len(waiting):
        return left
    new = waiting[left]
    new[:] = particle
    new[RANGE] = left_range
    return left + int(turn(particle, slope_x, slope_y, new))


@njit(cache=True, nogil=True)
def _set_free(particle: Floats, product: Floats, rows: Rows, waiting: Floats, left: int) -> int:
    """Let a new particle wait at the place of another one."""
    if left == len(waiting):
        return left
    new = waiting[left]
    new[:] = particle
    new[MASS], new[CHARGE], new[PDG] = product[PRODUCT_MASS], product[PRODUCT_CHARGE], product[PRODUCT_PDG]
    new[RANGE] = particle_range(product[ENERGY], new[MASS], new[CHARGE])
    rows.used[1] += 1
    new[TRACK], new[PARENT] = rows.used[1], particle[TRACK]
    return left + int(turn(particle, product[SLOPE_ABOUT_X], product[SLOPE_ABOUT_Y], new))
