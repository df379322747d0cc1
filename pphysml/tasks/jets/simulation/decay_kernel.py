"""Decay of a resonance to two massless quarks, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ....physics.four_vectors import Floats

PT, RAPIDITY, PHI = range(3)
"""Columns of partons."""


@njit(cache=True, nogil=True)
def decay(
    rng: Any, mass: float, pt: float, rapidity: float, phi: float, radius: float, quarks: Floats
) -> float:
    """Fill the quarks of an isotropic decay, and return their distance.

    It is drawn until both are within `radius` of the resonance; with pt > 2 m / radius at least decays
    across its flight are, whose quarks are m / pt away.

    Args:
        quarks: (2, 3).
    """
    while True:
        _isotropic(rng, mass, pt, quarks)
        away = max(
            np.hypot(quarks[0, RAPIDITY], quarks[0, PHI]),
            np.hypot(quarks[1, RAPIDITY], quarks[1, PHI]),
        )
        if away < radius:
            break
    distance = np.hypot(quarks[0, RAPIDITY] - quarks[1, RAPIDITY], quarks[0, PHI] - quarks[1, PHI])
    for i in range(2):
        quarks[i, RAPIDITY] += rapidity
        quarks[i, PHI] += phi
    return distance  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)
def _isotropic(rng: Any, mass: float, pt: float, quarks: Floats) -> None:
    """Fill the quarks of a resonance that flies along x, at rapidity and azimuth 0."""
    cosine, turn = 2.0 * rng.random() - 1.0, 2.0 * np.pi * rng.random()
    across = 0.5 * mass * np.sqrt(1.0 - cosine * cosine)
    y, z = across * np.cos(turn), across * np.sin(turn)
    along = 0.5 * cosine * np.sqrt(mass * mass + pt * pt)
    for i in range(2):
        sign = 1.0 - 2.0 * i
        x = 0.5 * pt + sign * along
        quarks[i, PT] = np.hypot(x, y)
        quarks[i, RAPIDITY] = np.arcsinh(sign * z / quarks[i, PT])
        quarks[i, PHI] = np.arctan2(sign * y, x)
