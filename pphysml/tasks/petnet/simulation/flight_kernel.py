"""Where a photon interacts next, in the phantom or in a crystal."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ..scanner.ring_kernel import Ring, crystal_at
from .medium import TOTAL, Medium, value_at
from .photon_kernel import DX, DY, DZ, ENERGY, Floats, X, Y, Z, move

ESCAPED, IN_PHANTOM = -2, -1


class Cylinder(NamedTuple):
    """A cylinder along z: axis, squared radius and ends, mm."""

    x: float
    y: float
    radius2: float
    low: float
    high: float


class World(NamedTuple):
    """What photons cross: water in `phantom`, crystals between `bore` and `outside`, nothing else.

    Attributes:
        bore: cylinder inside the crystals, infinitely long.
        outside: cylinder around them.
    """

    ring: Ring
    bore: Cylinder
    outside: Cylinder
    phantom: Cylinder
    water: Medium
    crystal: Medium


@njit(cache=True, nogil=True, inline="always")
def crossing(photon: Floats, cylinder: Cylinder) -> tuple[float, float]:
    """Return at which distances the photon's line enters and leaves a cylinder, mm; (inf, -inf) where it does not."""
    x, y = photon[X] - cylinder.x, photon[Y] - cylinder.y
    across = photon[DX] ** 2 + photon[DY] ** 2
    beyond = x * x + y * y - cylinder.radius2
    enter, leave = -np.inf, np.inf
    if across > 1e-18:
        middle = -(x * photon[DX] + y * photon[DY]) / across
        half2 = middle * middle - beyond / across
        if half2 <= 0.0:
            return np.inf, -np.inf
        half = np.sqrt(half2)
        enter, leave = middle - half, middle + half
    elif beyond > 0.0:
        return np.inf, -np.inf
    z, dz = photon[Z], photon[DZ]
    if abs(dz) > 1e-9:
        one, other = (cylinder.low - z) / dz, (cylinder.high - z) / dz
        enter, leave = max(enter, min(one, other)), min(leave, max(one, other))
    elif z < cylinder.low or z > cylinder.high:
        return np.inf, -np.inf
    return enter, leave


@njit(cache=True, nogil=True)
def fly(rng: Any, photon: Floats, world: World) -> int:
    """Move a photon to its next interaction.

    Returns:
        The crystal, or `IN_PHANTOM`, or `ESCAPED`. The crystals in front of the bore come first, then
        the phantom, then the crystals behind.
    """
    enter, leave = crossing(photon, world.outside)
    bore_enter, bore_leave = crossing(photon, world.bore)
    enter = max(enter, 0.0)
    if bore_leave < 0.0:
        bore_enter, bore_leave = leave, leave
    if enter < min(leave, bore_enter):
        crystal = _walk(rng, photon, world, enter, min(leave, bore_enter))
        if crystal >= 0:
            return crystal
    begin, end = crossing(photon, world.phantom)
    begin = max(begin, 0.0)
    if begin < end:
        begin += rng.standard_exponential() / value_at(world.water, TOTAL, photon[ENERGY])
        if begin < end:
            move(photon, begin)
            return IN_PHANTOM
    enter = max(enter, bore_leave)
    crystal = _walk(rng, photon, world, enter, leave) if enter < leave else -1
    return crystal if crystal >= 0 else ESCAPED


@njit(cache=True, nogil=True)
def _walk(rng: Any, photon: Floats, world: World, begin: float, end: float) -> int:
    """Move a photon to its interaction in a crystal between two distances and return the crystal, or -1.

    Steps are those of full crystal; one that ends in a gap is none (Woodcock et al., ANL-7050 (1965)).
    """
    free = 1.0 / value_at(world.crystal, TOTAL, photon[ENERGY])
    while True:
        begin += free * rng.standard_exponential()
        if begin >= end:
            return -1
        crystal = crystal_at(world.ring, photon[X] + begin * photon[DX], photon[Y] + begin * photon[DY], photon[Z] + begin * photon[DZ], 0.0)
        if crystal >= 0:
            move(photon, begin)
            return crystal
