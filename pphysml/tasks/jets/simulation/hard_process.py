"""What makes each jet: a quark, a gluon or a resonance, with its momentum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from ....io.ragged import Array
from ....physics.four_vectors import Floats
from ..config.simulation import SimulationConfig

NO_RESONANCE = -1.0
"""Mass of the resonance of a jet that comes from none."""


class Origins(NamedTuple):
    """What makes the jets, each (jets,).

    Attributes:
        mass: of the resonance, GeV; NO_RESONANCE if there is none.
        gluon: whether it is a gluon.
        pt, rapidity, phi: its momentum, GeV, rad.
    """

    mass: Floats
    gluon: Array
    pt: Floats
    rapidity: Floats
    phi: Floats


def draw_origins(rng: Generator, n: int, options: SimulationConfig) -> Origins:
    """Return what makes n jets; each takes the same random numbers, whatever the options are."""
    kind, which, spectrum, along, around = rng.random((n, 5)).T
    mass = masses(kind, which, options)
    gluon = (mass == NO_RESONANCE) & (which < options.gluons)
    low = np.maximum(options.pt[0], 2 * mass / options.radius)
    pt = falling(spectrum, low, options.pt[1], options.pt_power)
    return Origins(mass, gluon, pt, options.rapidity * (2 * along - 1), np.pi * (2 * around - 1))


def masses(kind: Floats, which: Floats, options: SimulationConfig) -> Floats:
    """Return the masses of resonances, NO_RESONANCE where there is none, by two random numbers between 0 and 1, (n,) each."""
    given = np.array(options.resonance_masses)
    drawn = given.min() + which * np.ptp(given) if options.continuous_masses else given[(which * len(given)).astype(np.int64)]
    result: Floats = np.where(kind < options.signal, drawn, NO_RESONANCE)
    return result


def falling(uniform: Floats, low: Floats, high: float, power: float) -> Floats:
    """Return numbers x between low and high with the density x^-power, by inversion of its integral."""
    rest = 1 - power
    if rest == 0:
        return low * (high / low) ** uniform
    # Of x / low, so that large powers do not underflow.
    ratio = 1 + uniform * ((high / low) ** rest - 1)
    x: Floats = low * ratio ** (1 / rest)
    return x
