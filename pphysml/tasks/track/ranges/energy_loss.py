"""Energy loss in a thin silicon sensor against residual range, tabulated for the fit of the range."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....physics.range_energy import (
    HELIUM_MASS_RATIO,
    beta_squared,
    particle_energy,
    stopping_power,
)
from ....physics.straggling import (
    BINDING,
    landau_scale,
    largest_transfer,
    sensor_yield,
    silicon_loss,
)
from ....physics.vavilov import loss_density
from .range_kernel import LOWEST, SPREAD, STEP

Floats = NDArray[np.float64]

LONGEST = 500.0
"""Largest residual range of the table, mm; of protons of 292 MeV."""

ROWS = 48
"""Residual ranges, equally spaced in their logarithm, at which the distribution is computed."""

BINS = 301
OUTLIERS = 0.02
"""Share of energy losses that have nothing to do with the particle's range: hits of others, say."""

BLUR = 0.03
"""Relative Gaussian width beyond that of the collisions: path through the sensor, gain, straggling."""


class Particle(NamedTuple):
    """A nucleus: its mass over that of the proton, and its charge in elementary charges."""

    mass_ratio: float
    charge: float


PARTICLES = {"proton": Particle(1.0, 1.0), "helium": Particle(HELIUM_MASS_RATIO, 2.0)}


@dataclass(frozen=True)
class LossTable:
    """Distribution of the energy loss y in a sensor, for the compiled fit.

    Attributes:
        log_mean: logarithm of the mean y, keV/um, at residual ranges 0, `STEP`, ...; float64.
        row: row of `log_density` at these ranges, int16.
        log_density: logarithm of the density of ln(y / mean), in bins of `SPREAD` from `LOWEST`, float32.
    """

    log_mean: Floats
    row: NDArray[np.int16]
    log_density: NDArray[np.float32]


@lru_cache(maxsize=64)
def loss_table(thickness: float, particle: Particle) -> LossTable:
    """Return the table of a silicon sensor.

    Args:
        thickness: of the sensor, mm.
        particle: what crosses it.
    """
    residual = STEP * np.arange(int(LONGEST / STEP) + 1, dtype=np.float64)
    residual[0] = STEP / 2
    centres = np.geomspace(STEP, LONGEST, ROWS)
    logarithms = LOWEST + SPREAD * np.arange(BINS, dtype=np.float64)
    rows = [_log_density(r, thickness, particle, logarithms) for r in centres]
    nearest = np.rint(np.interp(np.log(residual), np.log(centres), np.arange(ROWS)))
    return LossTable(np.log(mean_loss(residual, thickness, particle)), nearest.astype(np.int16), np.array(rows, dtype=np.float32))


def mean_loss(residual: Floats, thickness: float, particle: Particle) -> Floats:
    """Return the mean energy loss in a sensor over its thickness, keV/um; particles may stop in it.

    Bethe's loss in silicon at the energy that Bragg and Kleeman give to the range in water.

    Args:
        residual: water-equivalent range left in front of the sensor, mm.
    """
    energy = particle_energy(residual, *particle)
    per_mm = silicon_loss(beta_squared(energy, particle.mass_ratio), 1.0, particle.charge, sensor_yield(thickness))
    water = thickness * per_mm / stopping_power(residual, *particle)
    behind = particle_energy(np.maximum(residual - water, 0.0), *particle)
    loss: Floats = (energy - behind) / thickness
    return loss


def _log_density(residual: float, thickness: float, particle: Particle, logarithms: Floats) -> Floats:
    """Return the logarithm of the density of ln(y / mean)."""
    mean = float(mean_loss(np.array([residual]), thickness, particle)[0]) * thickness
    beta2 = float(beta_squared(particle_energy(residual, *particle), particle.mass_ratio))
    scale = float(landau_scale(beta2, thickness, particle.charge))
    binding = BINDING * particle.charge * np.sqrt(thickness / 0.01)
    ratio, density = loss_density(mean, scale, float(largest_transfer(beta2)), beta2, binding)
    linear = np.exp(logarithms)
    sharp = np.interp(linear, ratio, density, right=0.0) * linear
    distance = SPREAD * np.arange(-6, 7)
    kernel = np.exp(-0.5 * (distance / BLUR) ** 2)
    blurred = np.convolve(sharp, kernel / kernel.sum(), mode="same")
    logarithm: Floats = np.log((1 - OUTLIERS) * blurred + OUTLIERS / (BINS * SPREAD))
    return logarithm
