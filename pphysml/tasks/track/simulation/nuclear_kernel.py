"""Nuclear interactions of a simulated particle: how often, and what comes out.

A quasi-free collision with one nucleon and a few evaporated fragments, which is far from a cascade
code; constants were chosen so that secondaries number about as many as in Geant4 behind 250 mm of
water.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ....physics.range_energy import HELIUM_MASS_RATIO, PROTON_MASS
from ..geometries.geometry import Floats

THRESHOLD = 7.0
"""Kinetic energy per nucleon below which nothing happens, MeV."""

SEPARATION = 15.0
"""Energy that the nucleus takes, MeV."""

PAULI = 12.0
"""Least kinetic energy of either nucleon after the collision, MeV."""

FERMI = 100.0
"""Width of each component of the momentum that a nucleon has in the nucleus, MeV."""

PROTON_SHARE = 0.5
"""Probability that the nucleon that is hit is a proton."""

LEVELS = 0.08
"""Probability that the nucleus is left in one of its levels, and the proton goes on."""

EVAPORATED_PROTON, EVAPORATED_HELIUM = 0.5, 0.3
"""Probabilities of such fragments in the forward hemisphere; above the barrier with 4 MeV in the mean."""

HELIUM_COLLISIONS = 1.7
"""Interactions of helium per interaction of a proton."""

ENERGY, SLOPE_ABOUT_X, SLOPE_ABOUT_Y, PRODUCT_MASS, PRODUCT_CHARGE, PRODUCT_PDG = range(6)

MOST_PRODUCTS = 4


@njit(cache=True, nogil=True)
def collision_rate(energy: float, fast: float, mass_ratio: float) -> float:
    """Return inelastic interactions per mm, from that of a fast proton.

    The shape 1 + exp(-E / 38 MeV) follows the cross sections of oxygen and aluminium in ICRU report 63.

    Args:
        energy: kinetic energy, MeV.
        fast: interactions of a fast proton per mm.
        mass_ratio: mass of the particle over that of the proton.
    """
    proton = energy / mass_ratio
    if proton <= THRESHOLD:
        return 0.0
    rate = fast * (1.0 + np.exp(-proton / 38.0)) * min((proton - THRESHOLD) / 13.0, 1.0)
    return rate if mass_ratio < 2.0 else rate * HELIUM_COLLISIONS  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def hydrogen_rate(energy: float, fast: float, mass_ratio: float) -> float:
    """Return collisions with hydrogen per mm, from that of a fast proton; grows as 1 + (60 MeV / E)^1.5."""
    if mass_ratio > 2.0 or energy <= THRESHOLD:
        return 0.0
    return fast * (1.0 + (60.0 / energy) ** 1.5)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def elastic_angle(rng: Any, energy: float, mass_ratio: float, slope: float) -> float:
    """Return the angle of an elastic scatter, rad, with exp(-b p^2 angle^2) for the squared angle, b the slope in MeV^-2."""
    momentum = np.sqrt(energy * (energy + 2.0 * mass_ratio * PROTON_MASS))
    return min(np.sqrt(-np.log(1.0 - rng.random()) / slope) / momentum, 1.3)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def hydrogen_protons(rng: Any, energy: float, products: Floats) -> None:
    """Fill both protons of a collision with hydrogen, that of the beam first; see `outgoing`.

    They scatter evenly in cos of the angle in their centre of mass, and fly at 90 degrees to each
    other, as they would without relativity.
    """
    share, turn = 0.01 + 0.98 * rng.random(), 2.0 * np.pi * rng.random()
    slope = np.sqrt((1.0 - share) / share)
    _add(products, 0, energy * share, slope * np.cos(turn), slope * np.sin(turn), 1.0, 1.0, 2212.0)
    _add(products, 1, energy * (1.0 - share), -np.cos(turn) / slope, -np.sin(turn) / slope, 1.0, 1.0, 2212.0)


@njit(cache=True, nogil=True)
def outgoing(rng: Any, energy: float, mass_ratio: float, escape: float, slope: float, products: Floats) -> int:
    """Fill what leaves a nucleus forwards after an inelastic interaction; return how many.

    Args:
        energy: kinetic energy of the particle, MeV.
        mass_ratio: its mass over that of the proton; nuclei lose protons of their velocity.
        escape, slope: see `nuclei.Nuclei`.
        products: shape (4, 6), rows of energy in MeV, slopes in two planes about the particle's
            direction, mass ratio, charge, PDG id.
    """
    if mass_ratio > 2.0:
        n = _spectators(rng, energy / mass_ratio, escape, products)
    elif rng.random() < LEVELS:
        return _level(rng, energy, slope, products)
    else:
        n = _knock_out(rng, energy - SEPARATION, escape, products)
    if energy > 30.0:
        n = _evaporate(rng, n, energy, EVAPORATED_PROTON, 3.0, 1.0, 1.0, 2212.0, products)
        n = _evaporate(rng, n, energy, EVAPORATED_HELIUM, 6.0, HELIUM_MASS_RATIO, 2.0, 1000020040.0, products)
    return n


@njit(cache=True, nogil=True)
def _level(rng: Any, energy: float, slope: float, products: Floats) -> int:
    left = energy - 5.0 + SEPARATION * np.log(1.0 - rng.random())
    if left < THRESHOLD:
        return 0
    aslant, turn = np.tan(elastic_angle(rng, energy, 1.0, slope)), 2.0 * np.pi * rng.random()
    return _add(products, 0, left, aslant * np.cos(turn), aslant * np.sin(turn), 1.0, 1.0, 2212.0)


@njit(cache=True, nogil=True)
def _knock_out(rng: Any, free: float, escape: float, products: Floats) -> int:
    """Share the energy between the proton and a nucleon, which leave the nucleus or not."""
    if free <= 2.0 * PAULI:
        return 0
    first = PAULI + (free - 2.0 * PAULI) * rng.random()
    turn, struck = 2.0 * np.pi * rng.random(), rng.random() < PROTON_SHARE
    kept = struck or rng.random() < 0.5
    n = 0
    for i in range(2):
        charged = kept if i == 0 else struck or not kept
        if charged and rng.random() < escape:
            part = first if i == 0 else free - first
            n = _leave(rng, products, n, part, np.arccos(np.sqrt(part / free)), turn + i * np.pi)
    return n


@njit(cache=True, nogil=True)
def _leave(rng: Any, products: Floats, n: int, energy: float, angle: float, turn: float) -> int:
    """Add a proton at an angle, smeared by the momenta inside the nucleus, unless it goes backwards."""
    momentum = np.sqrt(energy * (energy + 2.0 * PROTON_MASS))
    x = momentum * np.sin(angle) * np.cos(turn) + FERMI * rng.standard_normal()
    y = momentum * np.sin(angle) * np.sin(turn) + FERMI * rng.standard_normal()
    z = momentum * np.cos(angle) + FERMI * rng.standard_normal()
    return _add(products, n, energy, x / z, y / z, 1.0, 1.0, 2212.0) if z > 0.1 * momentum else n


@njit(cache=True, nogil=True)
def _spectators(rng: Any, energy: float, escape: float, products: Floats) -> int:
    """A nucleus breaks up: its protons go on with its velocity."""
    n = 0
    for _ in range(2):
        if rng.random() < escape:
            n = _leave(rng, products, n, energy, 0.0, 0.0)
    return n


@njit(cache=True, nogil=True)
def _evaporate(
    rng: Any, n: int, total: float, probability: float, barrier: float, mass_ratio: float, charge: float, pdg: float, products: Floats
) -> int:
    """Add a slow fragment that flies anywhere forwards, or not, as if the energy in all, `total`, is not enough."""
    energy = barrier - 4.0 * np.log(1.0 - rng.random())
    if rng.random() >= probability or products[:n, ENERGY].sum() + energy > total:
        return n
    cos, turn = 0.05 + 0.95 * rng.random(), 2.0 * np.pi * rng.random()
    slope = np.sqrt(1.0 - cos * cos) / cos
    return _add(products, n, energy, slope * np.cos(turn), slope * np.sin(turn), mass_ratio, charge, pdg)


@njit(cache=True, nogil=True)
def _add(
    products: Floats, n: int, energy: float, slope_x: float, slope_y: float, mass_ratio: float, charge: float, pdg: float
) -> int:
    row = products[n]
    row[ENERGY], row[SLOPE_ABOUT_X], row[SLOPE_ABOUT_Y] = energy, slope_x, slope_y
    row[PRODUCT_MASS], row[PRODUCT_CHARGE], row[PRODUCT_PDG] = mass_ratio, charge, pdg
    return n + 1
