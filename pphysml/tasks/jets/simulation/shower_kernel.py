r"""Parton shower to leading logarithms, ordered in angle, compiled.

A parton of transverse momentum pt and colour C radiates gluons at angles theta below its own largest
angle R, with shares z of its momentum; they are Poisson-distributed in the triangle of the Lund plane
(B. Andersson et al., Z. Phys. C 43 (1989) 625) with

.. math:: dN = \frac{2 \alpha_s(k_T) C}{\pi} \, d\ln\frac{1}{\theta} \, d\ln\frac{1}{z}, \quad k_T = z \theta p_T > k_0,

where pt is that at the start. Each gluon radiates in the same way below its angle (G. Marchesini,
B. Webber, Nucl. Phys. B 310 (1988) 461). Angles are distances in rapidity and azimuth, in which the sum
of pt and its centre are conserved.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ....physics.four_vectors import Floats
from .decay_kernel import PHI, PT, RAPIDITY

ANGLE, COLOUR = 3, 4
"""Columns of partons that wait, after those of `decay_kernel`."""

QUARK, GLUON = 4.0 / 3.0, 3.0
"""Colour factors C_F and C_A."""

MOST_PARTONS = 2048
"""Partons that one becomes at most; when there are as many, none radiates any more."""


class Coupling(NamedTuple):
    """The strong coupling, alpha / (1 + slope ln(kT / cutoff)).

    Attributes:
        cutoff: smallest kT, GeV.
        alpha: the coupling there.
        slope: 2 b_0 alpha; 0 for a fixed coupling.
    """

    cutoff: float
    alpha: float
    slope: float


@njit(cache=True, nogil=True)
def shower(
    rng: Any,
    colour: float,
    angle: float,
    coupling: Coupling,
    waiting: Floats,
    partons: Floats,
    n: int,
) -> int:
    """Let a parton radiate, and what it radiates; return the number of partons, with those of it.

    Args:
        waiting: room for partons, (MOST_PARTONS, 5); the first is the one that radiates, with PT,
            RAPIDITY, PHI.
        partons: room for n + MOST_PARTONS, (..., 3).
        n: partons that are there already.
    """
    waiting[0, ANGLE], waiting[0, COLOUR] = angle, colour
    left, most = 1, n + MOST_PARTONS
    while left > 0:
        left -= 1
        parton = partons[n]
        for column in range(3):
            parton[column] = waiting[left, column]
        n += 1
        own_angle, own_colour = waiting[left, ANGLE], waiting[left, COLOUR]
        left = radiate(rng, parton, own_angle, own_colour, coupling, waiting, left, most - n)
    return n


@njit(cache=True, nogil=True)
def radiate(
    rng: Any,
    parton: Floats,
    angle: float,
    colour: float,
    coupling: Coupling,
    waiting: Floats,
    left: int,
    room: int,
) -> int:
    """Add the gluons that a parton radiates to those that wait, and return how many wait.

    With l = ln(theta pt / cutoff), the number of candidates below an angle is that of a fixed coupling,
    d l^2 / 2, in the mean, so that its steps from one to the next are exponential; ln(kT / cutoff) is
    uniform from 0 to l. Candidates are accepted by the ratio of the couplings.
    """
    density = 2.0 * coupling.alpha * colour / np.pi
    start = max(np.log(parton[PT] * angle / coupling.cutoff), 0.0)
    number = 0.5 * density * start * start - rng.standard_exponential()
    while number > 0.0 and left < room:
        reach = np.sqrt(2.0 * number / density)
        above = reach * rng.random()
        if rng.random() * (1.0 + coupling.slope * above) < 1.0:
            theta = angle * np.exp(reach - start)
            _split(rng, parton, np.exp(above - reach), theta, waiting[left])
            waiting[left, ANGLE], waiting[left, COLOUR] = theta, GLUON
            left += 1
        number -= rng.standard_exponential()
    return left


@njit(cache=True, nogil=True)
def _split(rng: Any, parton: Floats, z: float, theta: float, gluon: Floats) -> None:
    """Give a share z of a parton's momentum to a gluon at the distance theta from it, in a random direction."""
    turn = 2.0 * np.pi * rng.random()
    step_y, step_phi = theta * np.cos(turn), theta * np.sin(turn)
    gluon[PT] = z * parton[PT]
    gluon[RAPIDITY] = parton[RAPIDITY] + (1.0 - z) * step_y
    gluon[PHI] = parton[PHI] + (1.0 - z) * step_phi
    parton[PT] *= 1.0 - z
    parton[RAPIDITY] -= z * step_y
    parton[PHI] -= z * step_phi
