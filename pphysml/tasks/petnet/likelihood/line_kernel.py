"""Integrals of an image along lines of response, weighted with the time of flight, compiled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

LIGHT = 0.299792458
"""Speed of light, mm/ps."""

REACH = 3.5
"""Standard deviations of the time of flight to which a line is followed."""


class Grid(NamedTuple):
    """Where the voxels of an image are; it reaches over a cylinder around the axis.

    Attributes:
        radius, z_low, z_high: of the cylinder, mm.
        voxel: edge, mm.
        across, along: number of voxels in x and y, and in z.
    """

    radius: float
    z_low: float
    z_high: float
    voxel: float
    across: int
    along: int


@njit(cache=True, nogil=True, inline="always")
def clipped(p: float, d: float, low: float, high: float, a: float, b: float) -> tuple[float, float]:
    """Return the part of a...b in which p + u d lies between low and high."""
    if abs(d) < 1e-9:
        return (a, b) if low <= p <= high else (1.0, 0.0)
    first, second = (low - p) / d, (high - p) / d
    return max(a, min(first, second)), min(b, max(first, second))


@njit(cache=True, nogil=True)
def follow_lines(
    p: NDArray[np.float64], q: NDArray[np.float64], dt: NDArray[np.float64], sigma: float, window: float, grid: Grid,
    image: NDArray[np.float64], factor: NDArray[np.float64], onto: NDArray[np.float64], integral: NDArray[np.float64],
    spread: NDArray[np.float64]
) -> None:
    """Integrate the image along each line, and add multiples of the lines to another image.

    The weight of a point is the density of the time difference there over that of a random pair, which
    is 1 / (2 window). The positron at distance u from the middle, towards p, gives dt = 2 u / c.

    Args:
        p, q: ends, mm, (n, 3); dt: time at q less time at p, ps, (n,).
        sigma: standard deviation of dt, ps; window: ps.
        image: (across, across, along).
        factor: how much of each line is added to `onto`; () long for none.
        onto: added to; integral: filled in, (n,).
        spread: filled in with the integral times the mean square of dt - 2 u / c, ps^2, (n,).
    """
    width = LIGHT * sigma / 2
    step = grid.voxel / 2
    scale = 2 * window / (sigma * np.sqrt(2 * np.pi))
    for e in range(len(dt)):
        dx, dy, dz = p[e, 0] - q[e, 0], p[e, 1] - q[e, 1], p[e, 2] - q[e, 2]
        length = np.sqrt(dx * dx + dy * dy + dz * dz)
        integral[e] = spread[e] = 0.0
        if length == 0.0:
            continue
        dx, dy, dz = dx / length, dy / length, dz / length
        mx, my, mz = (p[e, 0] + q[e, 0]) / 2, (p[e, 1] + q[e, 1]) / 2, (p[e, 2] + q[e, 2]) / 2
        centre = LIGHT * dt[e] / 2
        a, b = max(centre - REACH * width, -length / 2), min(centre + REACH * width, length / 2)
        flat = dx * dx + dy * dy
        if flat < 1e-12:
            continue
        along = mx * dx + my * dy
        root = along * along - flat * (mx * mx + my * my - grid.radius**2)
        if root <= 0.0:
            continue
        root = np.sqrt(root)
        a, b = max(a, (-along - root) / flat), min(b, (-along + root) / flat)
        a, b = clipped(mz, dz, grid.z_low, grid.z_high, a, b)
        n = int(np.ceil((b - a) / step)) if b > a else 0
        length_of_step = (b - a) / max(n, 1)
        for k in range(n):
            u = a + (k + 0.5) * length_of_step
            off = u - centre
            weight = scale * length_of_step * np.exp(-0.5 * off * off / (width * width))
            i = min(max(int((mx + u * dx + grid.radius) / grid.voxel), 0), grid.across - 1)
            j = min(max(int((my + u * dy + grid.radius) / grid.voxel), 0), grid.across - 1)
            m = min(max(int((mz + u * dz - grid.z_low) / grid.voxel), 0), grid.along - 1)
            value = weight * image[i, j, m]
            integral[e] += value
            spread[e] += value * (2 * off / LIGHT) ** 2
            if len(factor):
                onto[i, j, m] += weight * factor[e]
