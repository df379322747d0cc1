"""The sensors of the simulation, and what depends on their thickness and on what is between them."""

from __future__ import annotations

import numpy as np

from ....physics.materials import MATERIALS
from ....physics.straggling import sensor_yield
from ..geometries.geometry import Geometry
from .rows_kernel import Sensors

THIN = 0.05
"""Thickness up to which one energy is taken for all of a sensor, and in which no range ends, mm."""

KNOCK_ON = 0.003
"""Electrons with a hit of their own, per hit of a proton in a sensor that is thin for electrons."""

KNOCK_ON_ENERGY = 1.8e-3
"""Median of the energy that such an electron leaves, MeV; lognormal of width 1.4."""

KNOCK_ON_THIN = 0.025
"""Thickness up to which sensors are that thin, mm."""

KNOCK_ON_MOST = 0.6
"""Most energy that it leaves in a thicker one, MeV: what a proton of 240 MeV gives to an electron."""

PHOTON_PATH = 150.0
"""Mean distance from a nuclear interaction at which the electron of a photon reaches a sensor of `dtc`, mm, in any direction."""

PHOTON_DENSITY = 1.9
"""Mean density of `dtc` behind its trackers, g/cm3."""


def sensors_of(geometry: Geometry) -> Sensors:
    """Return the sensors of a calorimeter.

    Electrons above an energy number xi over that energy, so that their number goes as the thickness and
    the squared charge of the beam; so does the energy that one leaves, up to its own. How far they come
    depends on their energy, and so on neither.
    """
    thickness = geometry.sensor.thickness
    thick = max(thickness / KNOCK_ON_THIN, 1.0)
    steps = max(int(np.ceil(thickness / THIN - 1e-9)), 1)
    return Sensors(
        thickness, 0.5 * geometry.sensor.size[0], 0.5 * geometry.sensor.size[1], geometry.z,
        steps=steps,
        loss_yield=sensor_yield(thickness),
        water=thickness * MATERIALS["silicon"].relative_stopping_power if steps > 1 else 0.0,
        knock_on=KNOCK_ON * thick * (4.0 if geometry.beam.particle == "helium" else 1.0),
        knock_on_energy=KNOCK_ON_ENERGY * thick,
        knock_on_most=KNOCK_ON_MOST if thick > 1.0 else np.inf,
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
