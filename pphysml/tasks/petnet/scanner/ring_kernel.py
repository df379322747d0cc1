"""Which crystal contains a point, compiled."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Ring(NamedTuple):
    """A scanner as plain numbers for compiled code; see `scanner.Scanner`.

    Attributes:
        radius: of the front faces, mm.
        rsectors: blocks around the axis.
        layers: along the depth.
        size: transaxial, axial size and depth of a crystal, mm, (3,).
        pitches: of modules, submodules and crystals, transaxial and axial, mm, (3, 2).
        counts: of modules, submodules and crystals in what holds them, (3, 2).
        cos, sin: of each block's azimuth, (rsectors,).
    """

    radius: float
    rsectors: int
    layers: int
    size: Floats
    pitches: Floats
    counts: NDArray[np.int64]
    cos: Floats
    sin: Floats


@njit(cache=True, nogil=True, error_model="numpy")
def crystal_at(ring: Ring, x: float, y: float, z: float, tolerance: float) -> int:
    """Return the linear index of the crystal that contains a point, -1 if none does.

    Args:
        tolerance: how far outside a crystal the point may lie, mm.
    """
    sector = int(np.floor(np.arctan2(y, x) * ring.rsectors / (2.0 * np.pi) + 0.5)) % ring.rsectors
    c, s = ring.cos[sector], ring.sin[sector]
    depth = x * c + y * s - ring.radius
    if depth < -tolerance or depth > ring.size[2] + tolerance:
        return -1
    transaxial = _place(ring, 0, y * c - x * s, tolerance)
    axial = _place(ring, 1, z, tolerance)
    if transaxial < 0 or axial < 0:
        return -1
    layer = min(max(int(depth * ring.layers / ring.size[2]), 0), ring.layers - 1)
    across = ring.counts[0, 0] * ring.counts[1, 0] * ring.counts[2, 0]
    along = ring.counts[0, 1] * ring.counts[1, 1] * ring.counts[2, 1]
    return int(((layer * along + axial) * ring.rsectors + sector) * across + transaxial)


@njit(cache=True, nogil=True, error_model="numpy")
def _place(ring: Ring, axis: int, offset: float, tolerance: float) -> int:
    """Return the number of the crystal along one axis of a block, -1 outside."""
    place = 0
    for level in range(3):
        count, pitch = ring.counts[level, axis], ring.pitches[level, axis]
        if count == 1:
            continue
        number = min(max(int(np.floor(offset / pitch + 0.5 * count)), 0), count - 1)
        offset -= (number - 0.5 * (count - 1)) * pitch
        place = place * count + number
    return place if abs(offset) <= 0.5 * ring.size[axis] + tolerance else -1


@njit(cache=True, nogil=True)
def crystals_at(ring: Ring, x: Floats, y: Floats, z: Floats, tolerance: float) -> Any:
    """Return `crystal_at` of N points, (N,) int64."""
    crystals = np.empty(len(x), dtype=np.int64)
    for i in range(len(x)):
        crystals[i] = crystal_at(ring, x[i], y[i], z[i], tolerance)
    return crystals
