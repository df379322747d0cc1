"""Electrons that sensors see beside the tracks: knocked on by a particle, or set free by photons.

Constants are those of Geant4 in 13.9 um of silicon between 3.4 mm of aluminium; see `sensors` for others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ....physics.electron_range import electron_energy, electron_range
from .deposit_kernel import poisson
from .rows_kernel import Rows, Sensors, add_row, inside

ELECTRON = 11

KNOCK_ON_DISTANCE = 0.06
"""Median distance of such an electron from the particle, mm; lognormal of width 1.2."""

KNOCK_ON_ENERGY = 1.8e-3
"""Median of the energy that it leaves, MeV; lognormal of width 1.4."""

SILICON_DENSITY = 0.2329
"""g/cm2 per mm."""

PHOTONS = 0.8
"""Photons whose electrons reach a sensor, per nuclear interaction inside the calorimeter."""

PHOTON_ENERGY = 6e-3
"""Median of the energy that its electron leaves, MeV; lognormal of width 1.05."""


@njit(cache=True, nogil=True)
def add_knock_on(rng: Any, event: int, x: float, y: float, layer: int, track: float, sensors: Sensors, rows: Rows) -> None:
    """Add, rarely, an electron beside a particle's hit."""
    if rng.random() >= sensors.knock_on:
        return
    distance, turn = KNOCK_ON_DISTANCE * np.exp(1.2 * rng.standard_normal()), 2.0 * np.pi * rng.random()
    _add_electron(rng, event, x + distance * np.cos(turn), y + distance * np.sin(turn), layer, track,
                  KNOCK_ON_ENERGY * np.exp(1.4 * rng.standard_normal()), sensors, rows)


@njit(cache=True, nogil=True)
def add_hard_electron(rng: Any, event: int, x: float, y: float, layer: int, track: float, energy: float, sensors: Sensors, rows: Rows) -> None:
    """Add the electron of a hard collision, as far from the hit as its practical range.

    It leaves in the sensor what it loses on a straight way through, in any direction. In 30 um of silicon, Geant4
    has as many of them beyond 30 and 60 um, which leave as much.
    """
    distance, turn = electron_range(energy) / SILICON_DENSITY, 2.0 * np.pi * rng.random()
    beyond = distance - sensors.thickness / (1.0 - rng.random())
    left = energy if beyond <= 0.0 else energy - electron_energy(beyond * SILICON_DENSITY)
    _add_electron(rng, event, x + distance * np.cos(turn), y + distance * np.sin(turn), layer, track, left, sensors, rows)


@njit(cache=True, nogil=True)
def add_photons(rng: Any, event: int, x: float, y: float, z: float, track: float, sensors: Sensors, rows: Rows) -> None:
    """Let photons fly evenly in all directions from a nuclear interaction, to the sensors nearest to where each ends."""
    layers = sensors.z
    for _ in range(poisson(rng, PHOTONS)):
        path, cos, turn = -sensors.photon_path * np.log(1.0 - rng.random()), 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
        end = z + path * cos
        if end < layers[0] or end > layers[-1]:
            continue
        layer = int(np.searchsorted(layers, end))
        across = path * np.sqrt(1.0 - cos * cos)
        _add_electron(rng, event, x + across * np.cos(turn), y + across * np.sin(turn), layer, track,
                      PHOTON_ENERGY * np.exp(1.05 * rng.standard_normal()), sensors, rows)


@njit(cache=True, nogil=True)
def _add_electron(
    rng: Any, event: int, x: float, y: float, layer: int, parent: float, energy: float, sensors: Sensors, rows: Rows
) -> None:
    if inside(x, y, sensors):
        rows.used[1] += 1
        add_row(rows, event, x, y, layer, energy, (rng.random() - 0.5) * sensors.thickness, rows.used[1], parent, ELECTRON)
