"""Compiled loop of the simulation: each decay, and its photons to their end."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....physics.klein_nishina import ELECTRON_MASS
from .deposit_kernel import EVENT_ROWS, ROW_END, Counts, Origin, Rows, deposit, follow, grown
from .flight_kernel import World
from .photon_kernel import FIELDS, Floats, draw_direction, start, start_pair
from .source import Source, draw_annihilation


class Crystals(NamedTuple):
    """Where the Lu-176 is.

    Attributes:
        centre: of each crystal, or of its layers, mm, (C, 3).
        cos, sin: of the azimuth of its block, (C,).
        size: transaxial, axial size and depth, mm, (3,).
        beta: quantiles of the electron's energy, MeV.
        gammas: energy, MeV, and probability of each gamma, (G, 2).
    """

    centre: Floats
    cos: Floats
    sin: Floats
    size: Floats
    beta: Floats
    gammas: Floats


@njit(cache=True, nogil=True)
def run_decays(
    rng: Any, times: Floats, in_crystal: NDArray[np.bool_], source: Source, crystals: Crystals, world: World, acollinearity: float
) -> tuple[Floats, Floats]:
    """Simulate decays.

    Args:
        times: of the decays, s, (n,).
        in_crystal: whether each is one of Lu-176, (n,).
        acollinearity: Gaussian width of the photons' angle about 180 degrees in a projection, rad.

    Returns:
        Rows of `deposit_kernel`, in the order of the decays, and the point of each decay, mm, (n, 3).
    """
    rows = Rows(np.empty((len(times) + 2 * EVENT_ROWS, ROW_END)), np.zeros(1, dtype=np.int64))
    points = np.empty((len(times), 3))
    photon, scatters = np.empty(FIELDS), np.zeros(4, dtype=np.int64)
    for event in range(len(times)):
        rows = grown(rows)
        if in_crystal[event]:
            _decay_in_crystal(rng, photon, scatters, crystals, world, rows, event, times[event], points[event])
        else:
            draw_annihilation(rng, source, points[event])
            _annihilate(rng, photon, scatters, acollinearity, world, rows, event, times[event], points[event])
    return rows.values[: rows.used[0]], points


@njit(cache=True, nogil=True)
def _annihilate(
    rng: Any, photon: Floats, scatters: Counts, acollinearity: float, world: World, rows: Rows, event: int, time: float, point: Floats
) -> None:
    """Follow the two photons of an annihilation at rest."""
    partner = np.empty(FIELDS)
    start_pair(rng, photon, partner, point, ELECTRON_MASS, acollinearity)
    follow(rng, photon, scatters, world, rows, Origin(event, 1, time))
    follow(rng, partner, scatters, world, rows, Origin(event, 2, time))


@njit(cache=True, nogil=True)
def _decay_in_crystal(
    rng: Any, photon: Floats, scatters: Counts, crystals: Crystals, world: World, rows: Rows, event: int, time: float, point: Floats
) -> None:
    """Leave the electrons of a Lu-176 decay at a random point of the crystals, and follow its gammas."""
    crystal = int(rng.random() * len(crystals.centre))
    c, s = crystals.cos[crystal], crystals.sin[crystal]
    u, v, w = [(rng.random() - 0.5) * crystals.size[axis] for axis in range(3)]
    point[:] = crystals.centre[crystal]
    point[0] += w * c - u * s
    point[1] += w * s + u * c
    point[2] += v
    place = rng.random() * (len(crystals.beta) - 1)
    i = int(place)
    local = crystals.beta[i] + (place - i) * (crystals.beta[i + 1] - crystals.beta[i])
    emitted = rng.random(len(crystals.gammas)) < crystals.gammas[:, 1]
    local += crystals.gammas[~emitted, 0].sum()
    origin = Origin(event, 0, time)
    scatters[:] = 0
    deposit(rows, rows.used[0], origin, crystal, 0.0, local, scatters)
    direction = np.empty(3)
    for gamma in range(len(emitted)):
        if emitted[gamma]:
            draw_direction(rng, direction)
            start(photon, point, direction, crystals.gammas[gamma, 0])
            follow(rng, photon, scatters, world, rows, origin)
