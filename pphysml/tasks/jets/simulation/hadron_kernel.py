"""Hadrons of partons and of the underlying event, as a detector sees them, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ....physics.four_vectors import Floats
from .decay_kernel import PHI, PT, RAPIDITY

KIND = 3
"""Column of hadrons after those of `decay_kernel`: a random number that says the kind."""

MOST_HADRONS = 4096
"""Hadrons of one jet at most; what would be more is left out."""


class Detector(NamedTuple):
    """What becomes of partons; see `config.simulation.SimulationConfig`."""

    hadrons: float
    kick: float
    underlying: float
    underlying_pt: float
    resolution: float
    energy_scale: float
    min_pt: float
    radius: float


@njit(cache=True, nogil=True)
def poisson(rng: Any, mean: float) -> int:
    """Return a Poisson number of a mean below some hundreds: how many times of exponential distances fit into it."""
    number, time = 0, rng.standard_exponential()
    while time < mean:
        time += rng.standard_exponential()
        number += 1
    return number


@njit(cache=True, nogil=True)
def hadronise(rng: Any, parton: Floats, detector: Detector, hadrons: Floats, n: int) -> int:
    """Divide a parton evenly at random among hadrons, and add those that are seen; return the number of hadrons."""
    count = 1 + poisson(rng, detector.hadrons)
    left, pt = count, parton[PT]
    while left > 0:
        # The smallest of k cuts of a line at random, again and again, divides it evenly.
        share = 1.0 if left == 1 else 1.0 - (1.0 - rng.random()) ** (1.0 / (left - 1))
        own = share * pt
        pt -= own
        left -= 1
        n = _see(rng, own, parton[RAPIDITY], parton[PHI], detector.kick, detector, hadrons, n)
    return n


@njit(cache=True, nogil=True)
def add_underlying(
    rng: Any, rapidity: float, phi: float, detector: Detector, hadrons: Floats, n: int
) -> int:
    """Add particles of the underlying event, evenly over the jet; return the number of hadrons."""
    for _ in range(poisson(rng, detector.underlying)):
        away, turn = detector.radius * np.sqrt(rng.random()), 2.0 * np.pi * rng.random()
        pt = detector.underlying_pt * rng.standard_exponential()
        n = _see(
            rng,
            pt,
            rapidity + away * np.cos(turn),
            phi + away * np.sin(turn),
            0.0,
            detector,
            hadrons,
            n,
        )
    return n


@njit(cache=True, nogil=True)
def _see(
    rng: Any,
    pt: float,
    rapidity: float,
    phi: float,
    kick: float,
    detector: Detector,
    hadrons: Floats,
    n: int,
) -> int:
    """Add a hadron if its measured transverse momentum is large enough, turned by its momentum across the parton.

    It takes as many random numbers if it is not seen, so that detectors of other resolution see the same jets.
    """
    error, kick_y, kick_phi, kind = (
        rng.standard_normal(),
        kick * rng.standard_normal(),
        kick * rng.standard_normal(),
        rng.random(),
    )
    measured = pt * detector.energy_scale * (1.0 + detector.resolution * error)
    if measured < detector.min_pt or n == MOST_HADRONS:
        return n
    hadrons[n, PT], hadrons[n, KIND] = measured, kind
    hadrons[n, RAPIDITY], hadrons[n, PHI] = rapidity + kick_y / pt, phi + kick_phi / pt
    return n + 1
