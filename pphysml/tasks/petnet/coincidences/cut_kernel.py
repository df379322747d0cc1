"""The cuts on pairs of singles, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array

SYSTEM_BITS = 20
"""Bits of a sector's number, in front of which that of its system stands."""


class Singles(NamedTuple):
    """Singles of slices, in the order of time inside each.

    Attributes:
        offsets: int64 (slices + 1,); slice k has the singles offsets[k]:offsets[k + 1].
        n_owned: int32 (slices,), its own singles, which come first.
        time: (n,), int64 in ps since some time of the slice, or float64 in s as in the file.
        energy, x, y, z: float32 (n,), MeV and mm.
        sector: int32 (n,), number of the rsector, and of its system in the bits above; only looked at if a cut needs it.
    """

    offsets: Array
    n_owned: Array
    time: Array
    energy: Array
    x: Array
    y: Array
    z: Array
    sector: Array


class Cuts(NamedTuple):
    """What makes a pair good; see `config.engines.ClassicalConfig`. Limits that are infinite or zero cut nothing.

    Sectors differ around the axis: numbers count modulo `sectors`, and those of different systems have no difference, as in GATE 9.
    """

    min_sector_difference: int
    sectors: int
    min_transaxial_distance: float
    max_axial_distance: float
    fov_radius: float
    fov_length: float


@njit(cache=True, nogil=True, inline="always")
def passes(c: Cuts, sector1: int, x1: float, y1: float, z1: float, sector2: int, x2: float, y2: float, z2: float) -> bool:
    """Return whether a pair of singles at two places passes the cuts."""
    if c.min_sector_difference > 0 and sector1 >> SYSTEM_BITS == sector2 >> SYSTEM_BITS:
        difference = abs(sector1 - sector2) % c.sectors
        if min(difference, c.sectors - difference) < c.min_sector_difference:
            return False
    if abs(z1 - z2) > c.max_axial_distance or abs(z1 + z2) > c.fov_length:
        return False
    if c.min_transaxial_distance > 0 or c.fov_radius < np.inf:
        dx, dy = float(x1) - float(x2), float(y1) - float(y2)
        distance2 = dx * dx + dy * dy
        if distance2 < c.min_transaxial_distance**2:
            return False
        cross = float(x1) * dy - float(y1) * dx
        if cross * cross > c.fov_radius**2 * distance2:
            return False
    return True


@njit(cache=True, nogil=True, inline="always")
def is_good(s: Singles, c: Cuts, i: int, j: int) -> bool:
    """Return whether a pair passes the cuts."""
    return passes(c, s.sector[i], s.x[i], s.y[i], s.z[i], s.sector[j], s.x[j], s.y[j], s.z[j])


@njit(cache=True, nogil=True)
def which_good(s: Singles, c: Cuts, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which pairs pass the cuts, bool (P,)."""
    good = np.empty(len(first), dtype=np.bool_)
    for p in range(len(first)):
        good[p] = is_good(s, c, first[p], second[p])
    return good


@njit(cache=True, nogil=True)
def good_products(c: Cuts, sector: NDArray[np.int32], x: Array, y: Array, z: Array, counts: NDArray[np.float64]) -> float:
    """Return the sum of counts_i counts_j over ordered pairs of different places that pass the cuts.

    Args:
        sector, x, y, z, counts: of each place, (N,); mm.
    """
    total = 0.0
    for i in range(len(counts)):
        row = 0.0
        for j in range(i):
            if passes(c, sector[i], x[i], y[i], z[i], sector[j], x[j], y[j], z[j]):
                row += counts[j]
        total += 2.0 * counts[i] * row
    return total
