"""Two straight tracks where they come closest: how far they stay apart, and the vertex that they point to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def closest_approach(point_1: Array, momentum_1: Array, point_2: Array, momentum_2: Array) -> tuple[Array, Array]:
    r"""Return the distance of closest approach (DOCA) of two lines, and their common vertex.

    With directions :math:`u_i` and :math:`d = x_1 - x_2` the distance is
    :math:`|d \cdot (u_1 \times u_2)| / |u_1 \times u_2|`, for parallel lines :math:`|d \times u|`. The
    vertex is the midpoint of the shortest line between both; parallel lines have one everywhere,
    and the one nearest to the origin is taken.

    Shapes: all (..., 3), points and momenta in any unit; returns float64 (...) and (..., 3).
    """
    x1, x2 = np.asarray(point_1, np.float64), np.asarray(point_2, np.float64)
    u1, u2 = (p / np.maximum(np.linalg.norm(p, axis=-1, keepdims=True), 1e-300) for p in (momentum_1, momentum_2))
    d, normal = x1 - x2, np.cross(u1, u2)
    square = (normal**2).sum(-1)
    skew = square > 1e-14
    across = np.where(skew, square, 1.0)
    # Feet of the shortest line: x_i + t_i u_i whose difference is at right angles to both.
    t1, t2 = ((np.cross(u, d) * normal).sum(-1, keepdims=True) / across[..., None] for u in (u2, u1))
    middle, u = (x1 + x2) / 2, np.where(u1.any(-1, keepdims=True), u1, u2)
    vertex = np.where(skew[..., None], middle + (t1 * u1 + t2 * u2) / 2, middle - (middle * u).sum(-1, keepdims=True) * u)
    doca = np.where(skew, np.abs((d * normal).sum(-1)) / np.sqrt(across), np.linalg.norm(np.cross(d, u), axis=-1))
    return doca, vertex
