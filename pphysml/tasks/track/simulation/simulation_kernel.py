"""Compiled loop of the simulation: each particle of the beam, and what it sets free, through all slabs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ....io.ragged import Array
from ....physics.multiple_scattering import displacement
from ....physics.range_energy import PROTON_MASS, beta_squared, momentum_velocity, particle_energy
from ....physics.straggling import range_variance
from ..geometries.geometry import Floats
from .collision_kernel import collide, free_path
from .deposit_kernel import draw_deposit, poisson
from .neutral_kernel import add_hard_electron, add_knock_on
from .particle_kernel import (
    CHARGE,
    CROSSED,
    FIELDS,
    MASS,
    PARENT,
    PDG,
    RANGE,
    SLAB,
    SLOPE_X,
    SLOPE_Y,
    TRACK,
    WIDEST,
    Beam,
    X,
    Y,
    start,
)
from .rows_kernel import EVENT_ROWS, ROW_EDEP, Rows, Sensors, add_row, grown, inside
from .slabs import Slabs

MOST_WAITING = 64
"""Particles of one event that wait to be followed; what would be more is left out."""

MOST_ELECTRONS = 16
"""Electrons of hard collisions in one sensor; what would be more stays in the hit."""


@njit(cache=True, nogil=True)
def run_beam(rng: Any, n: int, beam: Beam, slabs: Slabs, sensors: Sensors, inelastic: bool) -> tuple[Array, Floats]:
    """Simulate n particles of the beam, each with what it sets free.

    Returns:
        Rows of `rows_kernel`, in the order of the events, and depth at which each particle of the
        beam stops behind the phantom, mm water, -1 where it does not stop by energy loss.
    """
    rows = Rows(np.empty((n * 32 + EVENT_ROWS, 9)), np.zeros(2, dtype=np.int64))
    stops = np.empty(n)
    waiting = np.empty((MOST_WAITING, FIELDS))
    for event in range(n):
        rows = grown(rows)
        start(rng, beam, waiting[0])
        rows.used[1] = 1
        left = 1
        while left > 0:
            left -= 1
            particle = waiting[left].copy()
            stop, left = _follow(rng, event, particle, slabs, sensors, inelastic, rows, waiting, left)
            if particle[TRACK] == 1:
                stops[event] = stop
    return rows.values[: rows.used[0]], stops


@njit(cache=True, nogil=True)
def _follow(
    rng: Any, event: int, particle: Floats, slabs: Slabs, sensors: Sensors, inelastic: bool, rows: Rows, waiting: Floats, left: int
) -> tuple[float, int]:
    """Follow a particle to its end; return the depth at which it stops, or -1, and how many wait."""
    mass, charge = particle[MASS], particle[CHARGE]
    for s in range(int(particle[SLAB]), len(slabs.wet)):
        crossed = particle[CROSSED]
        slant = np.sqrt(1.0 + particle[SLOPE_X] ** 2 + particle[SLOPE_Y] ** 2)
        if slant > WIDEST:
            return -1.0, left
        path = slabs.wet[s] * (1.0 - crossed) * slant
        before = _straggle(rng, particle, path)
        if inelastic:
            free, kind = free_path(rng, particle_energy(before, mass, charge), slabs, s, mass)
            if free < min(path, before):
                particle[RANGE] = before - free
                share = crossed + (1.0 - crossed) * free / path
                return -1.0, collide(rng, event, particle, kind, s, share, slabs, sensors, rows, waiting, left)
        if before <= path:
            return slabs.depth[s] + slabs.wet[s] * crossed + before / slant, left
        particle[RANGE] = before - path
        _scatter(rng, particle, particle_energy(before - 0.5 * path, mass, charge), slant, slabs, s)
        particle[CROSSED] = 0.0
        if slabs.layer[s] >= 0:
            reached = _measure(rng, event, particle, slabs.layer[s], sensors, rows)
            if reached >= 0.0:
                return slabs.depth[s] + slabs.wet[s] + reached, left
    return -1.0, left


@njit(cache=True, nogil=True)
def _straggle(rng: Any, particle: Floats, path: float) -> float:
    """Return the range left before a path, shifted by what the loss on that path fluctuates."""
    left, mass, charge = particle[RANGE], particle[MASS], particle[CHARGE]
    variance = range_variance(left, mass, charge) - range_variance(max(left - path, 0.0), mass, charge)
    return max(left + np.sqrt(variance) * rng.standard_normal(), 0.0)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _scatter(rng: Any, particle: Floats, energy: float, slant: float, slabs: Slabs, s: int) -> None:
    """Move a particle to the end of the slab, with multiple scattering and single hard scatters."""
    mass, part = particle[MASS], 1.0 - particle[CROSSED]
    length = slabs.length[s] * part
    pv = momentum_velocity(energy, mass) / particle[CHARGE]
    width = slabs.soft[s] * np.sqrt(part * slant) / pv
    particle[X] += particle[SLOPE_X] * length
    particle[Y] += particle[SLOPE_Y] * length
    widest = slabs.transfer[s] / np.sqrt(energy * (energy + 2.0 * mass * PROTON_MASS))
    stretch_x = slant * np.sqrt(1.0 + particle[SLOPE_X] ** 2)
    stretch_y = slant * np.sqrt(1.0 + particle[SLOPE_Y] ** 2)
    for axis in range(2):
        angle = width * rng.standard_normal()
        stretch = stretch_x if axis == 0 else stretch_y
        particle[SLOPE_X + axis] += stretch * angle
        if slabs.shift[s] > 0.0:
            particle[X + axis] += stretch * displacement(angle, rng.standard_normal(), width, length)
    for _ in range(poisson(rng, slabs.share[s] * part * slant)):
        angle = slabs.hard[s] / pv / np.sqrt(1.0 - rng.random())
        if angle < widest:
            turn, rest = 2.0 * np.pi * rng.random(), slabs.shift[s] * length * rng.random()
            step_x, step_y = stretch_x * angle * np.cos(turn), stretch_y * angle * np.sin(turn)
            particle[SLOPE_X] += step_x
            particle[SLOPE_Y] += step_y
            particle[X] += step_x * rest
            particle[Y] += step_y * rest


@njit(cache=True, nogil=True)
def _measure(rng: Any, event: int, particle: Floats, layer: int, sensors: Sensors, rows: Rows) -> float:
    """Add what a sensor sees; return how deep in it the particle stops, mm water, or -1."""
    x, y = particle[X], particle[Y]
    if not inside(x, y, sensors):
        return -1.0
    energy = particle_energy(particle[RANGE], particle[MASS], particle[CHARGE])
    slant = np.sqrt(1.0 + particle[SLOPE_X] ** 2 + particle[SLOPE_Y] ** 2)
    reached, place = -1.0, 0.5
    electrons = np.zeros(MOST_ELECTRONS + 1)
    if particle[RANGE] < sensors.water * slant:
        loss, reached = energy, particle[RANGE] / slant
        place = reached / sensors.water - 0.5
    else:
        loss = _loss(rng, energy, particle, sensors.thickness * slant, sensors, electrons)
        if loss >= energy and sensors.water == 0.0:
            reached, place = 0.0, rng.random() - 0.5
    own = rows.used[0]
    add_row(rows, event, x, y, layer, min(loss, energy), place * sensors.thickness, particle[TRACK], particle[PARENT], particle[PDG])
    add_knock_on(rng, event, x, y, layer, particle[TRACK], sensors, rows)
    for i in range(int(electrons[0]) if own < len(rows.values) else 0):
        rows.values[own, ROW_EDEP] -= electrons[i + 1]
        add_hard_electron(rng, event, x, y, layer, particle[TRACK], electrons[i + 1], sensors, rows)
    return reached


@njit(cache=True, nogil=True)
def _loss(rng: Any, energy: float, particle: Floats, thickness: float, sensors: Sensors, electrons: Floats) -> float:
    """Return the energy left on a path in silicon, MeV, which may be all of it; see `draw_deposit`."""
    loss = 0.0
    for _ in range(sensors.steps):
        loss += draw_deposit(rng, beta_squared(energy - loss, particle[MASS]), particle[CHARGE], thickness / sensors.steps,
                             sensors.loss_yield, sensors.hardest, electrons)
        if loss >= energy:
            electrons[0] = 0
            return energy
    return loss
