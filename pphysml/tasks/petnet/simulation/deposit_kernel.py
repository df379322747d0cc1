"""Energy that photons leave in crystals: rows that the compiled loop writes, in an array that grows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....physics.klein_nishina import draw_cosine
from .flight_kernel import ESCAPED, IN_PHANTOM, World, fly
from .medium import CUTOFF, PHOTOELECTRIC, SCATTERED, value_at
from .photon_kernel import (
    COMPTON_CRYSTAL,
    COMPTON_PHANTOM,
    ENERGY,
    PATH,
    RAYLEIGH_CRYSTAL,
    RAYLEIGH_PHANTOM,
    Floats,
    draw_rayleigh_cosine,
    lose_energy,
    turn,
)

Counts = NDArray[np.int64]

ROW_EVENT, ROW_PHOTON, ROW_CRYSTAL, ROW_TIME, ROW_ENERGY, ROW_SCATTERS, ROW_END = 0, 1, 2, 3, 4, 5, 9
"""Columns of a row: event, photon, crystal, time in s, energy in MeV, and the four counts of scatters."""

EVENT_ROWS = 256
"""Rows of one event at most; what would be more is left out."""

SPEED_OF_LIGHT = 2.99792458e11
"""mm/s."""


class Rows(NamedTuple):
    """Rows (capacity, `ROW_END`), and in `used` how many are written."""

    values: Floats
    used: Counts


class Origin(NamedTuple):
    """What the rows of a photon have in common: event, photon and time of the decay, s."""

    event: int
    photon: int
    time: float


@njit(cache=True, nogil=True)
def grown(rows: Rows) -> Any:
    """Return rows with room for another event."""
    n = rows.used[0]
    if n + EVENT_ROWS <= len(rows.values):
        return rows
    values = np.empty((2 * len(rows.values), ROW_END))
    values[:n] = rows.values[:n]
    return Rows(values, rows.used)


@njit(cache=True, nogil=True)
def deposit(rows: Rows, first: int, origin: Origin, crystal: int, path: float, energy: float, scatters: Counts) -> None:
    """Leave energy (MeV) in a crystal; with that of the same photon there, whose rows are from `first` on, it is one row."""
    row = first
    while row < rows.used[0] and rows.values[row, ROW_CRYSTAL] != crystal:
        row += 1
    if row == len(rows.values):
        return
    values = rows.values[row]
    if row == rows.used[0]:
        rows.used[0] = row + 1
        values[ROW_EVENT], values[ROW_PHOTON], values[ROW_CRYSTAL] = origin.event, origin.photon, crystal
        values[ROW_TIME], values[ROW_ENERGY] = origin.time + path / SPEED_OF_LIGHT, 0.0
    values[ROW_ENERGY] += energy
    for kind in range(4):
        values[ROW_SCATTERS + kind] = scatters[kind]


@njit(cache=True, nogil=True)
def follow(rng: Any, photon: Floats, scatters: Counts, world: World, rows: Rows, origin: Origin) -> None:
    """Follow a photon to its end, with a row for each crystal in which it leaves energy.

    Electrons and fluorescence X-rays stay where they are set free.
    """
    first = rows.used[0]
    scatters[:] = 0
    while True:
        place = fly(rng, photon, world)
        if place == ESCAPED:
            return
        medium = world.water if place == IN_PHANTOM else world.crystal
        energy, kind = photon[ENERGY], rng.random()
        if kind < value_at(medium, PHOTOELECTRIC, energy):
            if place >= 0:
                deposit(rows, first, origin, place, photon[PATH], energy, scatters)
            return
        if kind < value_at(medium, SCATTERED, energy):
            cosine = draw_cosine(rng, energy)
            lost = lose_energy(photon, cosine)
            ends = photon[ENERGY] < CUTOFF
            scatters[COMPTON_PHANTOM if place == IN_PHANTOM else COMPTON_CRYSTAL] += 1
            if place >= 0:
                deposit(rows, first, origin, place, photon[PATH], energy if ends else lost, scatters)
            if ends:
                return
        else:
            cosine = draw_rayleigh_cosine(rng, energy, medium.rayleigh_momentum)
            scatters[RAYLEIGH_PHANTOM if place == IN_PHANTOM else RAYLEIGH_CRYSTAL] += 1
        turn(rng, photon, cosine)
