"""The sensors of the simulation, and what depends on their thickness and on what is between them."""

from __future__ import annotations

import numpy as np

from ....physics.electron_range import electron_energy
from ....physics.materials import MATERIALS
from ....physics.straggling import sensor_yield
from ..geometries.geometry import Geometry
from .rows_kernel import Sensors

THIN = 0.05
"""Thickness up to which one energy is taken for all of a sensor, and in which no range ends, mm."""

KNOCK_ON = 0.003
"""Electrons with a hit of their own, per hit of a proton, in Geant4 with its usual production cuts."""

PHOTON_PATH = 150.0
"""Mean distance from a nuclear interaction at which the electron of a photon reaches a sensor of `dtc`, mm, in any direction."""

PHOTON_DENSITY = 1.9
"""Mean density of `dtc` behind its trackers, g/cm3."""


def sensors_of(geometry: Geometry) -> Sensors:
    """Return the sensors of a calorimeter.

    Without `geometry.electrons`, those with a hit are as rare as with the usual production cuts of Geant4,
    times the squared charge of the beam. With them they are those of the hard collisions, from the energy on with
    which an electron comes further than a pixel; slower ones stay in the pixels of their particle.
    """
    thickness, pixel = geometry.sensor.thickness, float(np.mean(geometry.sensor.pixel))
    steps = max(int(np.ceil(thickness / THIN - 1e-9)), 1)
    return Sensors(
        thickness, 0.5 * geometry.sensor.size[0], 0.5 * geometry.sensor.size[1], geometry.z,
        steps=steps,
        loss_yield=sensor_yield(thickness),
        water=thickness * MATERIALS["silicon"].relative_stopping_power if steps > 1 else 0.0,
        knock_on=0.0 if geometry.electrons else KNOCK_ON * (4.0 if geometry.beam.particle == "helium" else 1.0),
        hardest=float(electron_energy(0.1 * MATERIALS["silicon"].density * pixel)) if geometry.electrons else np.inf,
        photon_path=_photon_path(geometry),
    )


def _photon_path(geometry: Geometry) -> float:
    """Return `PHOTON_PATH` in the density of the stack, by its median layer; of materials without a name as it is."""
    named = [(i, MATERIALS[name]) for i, name in enumerate(geometry.materials) if name and i > 0]
    if not named:
        return PHOTON_PATH
    per_mm = geometry.wet[1:] / np.diff(geometry.z)
    density = [per_mm[i - 1] * material.density / material.relative_stopping_power for i, material in named]
    return PHOTON_PATH * PHOTON_DENSITY / float(np.median(density))
