"""Lines of response between two singles, as sinograms and cuts see them.

A line seen along the scanner's axis z is x cos(phi) - y sin(phi) = s: the direction of the line is
(sin phi, cos phi), and s its signed distance from the axis. This is GATE's sinogramTheta and
sinogramS (GateToRoot.cc of OpenGATE/Gate: theta = atan2(x1 - x2, y1 - y2), folded to positive).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ....io.ragged import Array


class Lines(NamedTuple):
    """Lines of response, each array float64 of shape (n,); which end is the first does not matter.

    Attributes:
        s: signed distance from the axis z, mm.
        phi: angle of the line to the y axis, rad, from 0 to below pi.
        z: middle of the line along the axis, mm.
        dz: z of the end that lies in the direction (sin phi, cos phi), less that of the other, mm.
        turned: bool (n,), the second point is the end that lies in that direction.
    """

    s: Array
    phi: Array
    z: Array
    dz: Array
    turned: Array


def lines_between(first: ArrayLike, second: ArrayLike) -> Lines:
    """Return the lines through pairs of points.

    GATE leaves phi = pi for a line along y whose first end is the lower one; here it is 0, with the
    other sign of s: the same line. Points above each other have s = 0 and phi = 0, as in GATE.

    Args:
        first, second: points, mm, shape (n, 3).
    """
    p, q = np.asarray(first, np.float64), np.asarray(second, np.float64)
    dx, dy, dz = (p - q).T
    length = np.hypot(dx, dy)
    turned = (dx < 0) | ((dx == 0) & (dy < 0))
    sign = np.where(turned, -1.0, 1.0)
    # The sum with zero turns -0 into 0, whose arctangent differs by pi.
    phi = np.arctan2(sign * dx + 0.0, sign * dy + 0.0)
    s = sign * (p[:, 0] * dy - p[:, 1] * dx) / np.where(length > 0, length, 1.0)
    return Lines(s, phi, (p[:, 2] + q[:, 2]) / 2, sign * dz, turned)
