"""Where positrons are emitted: a water cylinder with hot rods, and what continues it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from ....errors import ConfigError
from ..config.simulation import SimulationConfig
from ..scanner.scanner import Scanner
from .flight_kernel import Cylinder
from .photon_kernel import Floats, draw_direction


class Source(NamedTuple):
    """Activity in a cylinder.

    Attributes:
        cylinder: the phantom without what continues it.
        outside_share: of the positrons that are emitted beyond `cylinder.high`.
        outside_end: where the water ends there, mm.
        rods: x, y from the cylinder's axis and radius of each rod, mm, (R, 3).
        rod_share: of the positrons in the phantom that are emitted in rods.
        positron_range: mean distance to the annihilation, mm.
    """

    cylinder: Cylinder
    outside_share: float
    outside_end: float
    rods: Floats
    rod_share: float
    positron_range: float


def source_of(options: SimulationConfig, scanner: Scanner) -> Source:
    """Return the activity of the options.

    Raises:
        ConfigError: the phantom does not fit into the scanner, or the rods not into the phantom.
    """
    (radius, length), (x, y) = options.cylinder, options.phantom_offset
    if np.hypot(x, y) + radius >= scanner.radius:
        raise ConfigError(f"simulation.phantom: a cylinder of {radius:g} mm radius at ({x:g}, {y:g}) mm does not fit into scanner {scanner.name!r} of {scanner.radius:g} mm.")
    rods = _rods(options, radius)
    inside = (rods[:, 2] ** 2).sum() / radius**2
    hot = inside / (inside + options.rod_background * (1.0 - inside)) if len(rods) else 0.0
    outside = options.outside_activity / (options.activity + options.outside_activity)
    cylinder = Cylinder(x, y, radius**2, -length / 2, length / 2)
    return Source(cylinder, outside, length / 2 + options.outside_length, rods, hot, options.positron_range)


def _rods(options: SimulationConfig, radius: float) -> Floats:
    """Return the rods at equal angles on a circle, the first at +x."""
    radii = np.asarray(options.rod_diameters, dtype=np.float64) / 2
    circle = radius / 2 if options.rod_circle is None else options.rod_circle
    azimuth = 2.0 * np.pi * np.arange(len(radii)) / max(len(radii), 1)
    rods = np.stack([circle * np.cos(azimuth), circle * np.sin(azimuth), radii], axis=1)
    if len(rods) and circle + radii.max() > radius:
        raise ConfigError(f"simulation.rod_diameters: a rod of {2 * radii.max():g} mm at {circle:g} mm from the axis does not fit into a cylinder of {radius:g} mm radius.")
    between = np.hypot(*(rods[:, None, :2] - rods[None, :, :2]).transpose(2, 0, 1)) - radii[:, None] - radii
    np.fill_diagonal(between, 0.0)
    if (between < 0).any():
        raise ConfigError(f"simulation.rod_diameters: the rods overlap on a circle of {circle:g} mm radius.")
    return rods


@njit(cache=True, nogil=True)
def draw_annihilation(rng: Any, source: Source, point: Floats) -> None:
    """Fill the point at which a positron annihilates, mm.

    The distance from the emission is exponential, as steep at the origin as the distributions of
    Jodal et al., Phys. Med. Biol. 57 (2012) 3931. Outside the water the positron stays where it was.
    """
    cylinder = source.cylinder
    low, high = cylinder.low, cylinder.high
    if rng.random() < source.outside_share:
        low, high = high, source.outside_end
        _draw_in_disc(rng, 0.0, 0.0, np.sqrt(cylinder.radius2), point)
    else:
        _draw_in_phantom(rng, source, point)
    point[0] += cylinder.x
    point[1] += cylinder.y
    point[2] = low + (high - low) * rng.random()
    if source.positron_range > 0.0:
        step = np.empty(3)
        draw_direction(rng, step)
        step *= source.positron_range * rng.standard_exponential()
        x, y, z = point[0] + step[0], point[1] + step[1], point[2] + step[2]
        across = (x - cylinder.x) ** 2 + (y - cylinder.y) ** 2
        if across < cylinder.radius2 and cylinder.low < z < source.outside_end:
            point[0], point[1], point[2] = x, y, z


@njit(cache=True, nogil=True)
def _draw_in_phantom(rng: Any, source: Source, point: Floats) -> None:
    """Fill x and y of an emission in the phantom, from its axis."""
    rods = source.rods
    if rng.random() < source.rod_share:
        left, rod = rng.random() * (rods[:, 2] ** 2).sum(), 0
        while rod < len(rods) - 1 and left >= rods[rod, 2] ** 2:
            left -= rods[rod, 2] ** 2
            rod += 1
        _draw_in_disc(rng, rods[rod, 0], rods[rod, 1], rods[rod, 2], point)
        return
    inside = True
    while inside:
        _draw_in_disc(rng, 0.0, 0.0, np.sqrt(source.cylinder.radius2), point)
        inside = False
        for rod in range(len(rods)):
            inside |= (point[0] - rods[rod, 0]) ** 2 + (point[1] - rods[rod, 1]) ** 2 < rods[rod, 2] ** 2


@njit(cache=True, nogil=True)
def _draw_in_disc(rng: Any, x: float, y: float, radius: float, point: Floats) -> None:
    r, azimuth = radius * np.sqrt(rng.random()), 2.0 * np.pi * rng.random()
    point[0], point[1] = x + r * np.cos(azimuth), y + r * np.sin(azimuth)
