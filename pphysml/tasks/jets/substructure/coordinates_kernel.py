"""Transverse momentum, rapidity and azimuth of four-momenta, and distances in them, compiled."""

from __future__ import annotations

import numpy as np
from numba import njit

from ....physics.four_vectors import Floats

PX, PY, PZ, ENERGY, PT, RAPIDITY, PHI = range(7)
"""Columns of a table of momenta."""

MOMENTUM_COLUMNS = 7


@njit(cache=True, nogil=True)
def fill_coordinates(row: Floats) -> None:
    """Fill transverse momentum, rapidity and azimuth of a row whose four-momentum is there.

    With m^2 = E^2 - p^2, or 0 where rounding made it negative, and E' = sqrt(p^2 + m^2), the rapidity
    is the sign of pz times log((E' + |pz|) / sqrt(pt^2 + m^2)), which has no difference of large numbers.
    """
    px, py, pz, energy = row[PX], row[PY], row[PZ], row[ENERGY]
    pt2 = px * px + py * py
    p2 = pt2 + pz * pz
    m2 = max(energy * energy - p2, 0.0)
    row[PT] = np.sqrt(pt2)
    row[PHI] = np.arctan2(py, px)
    across = pt2 + m2
    along = np.log((np.sqrt(p2 + m2) + abs(pz)) / np.sqrt(across)) if across > 0.0 else 0.0
    row[RAPIDITY] = along if pz > 0.0 else -along


@njit(cache=True, nogil=True, inline="always")
def squared_distance(y1: float, phi1: float, y2: float, phi2: float) -> float:
    """Return the squared distance in rapidity and azimuth; azimuths are from -pi to pi."""
    turn = abs(phi1 - phi2)
    turn = min(turn, 2.0 * np.pi - turn)
    return (y1 - y2) * (y1 - y2) + turn * turn


@njit(cache=True, nogil=True)
def mass_of(row: Floats) -> float:
    """Return the invariant mass; 0 where rounding made its square negative."""
    m2 = row[ENERGY] ** 2 - row[PX] ** 2 - row[PY] ** 2 - row[PZ] ** 2
    return np.sqrt(max(m2, 0.0))  # type: ignore[no-any-return]
