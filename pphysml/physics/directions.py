"""Angles between directions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def angle_between(one: Array, other: Array) -> Array:
    """Return the angle between two directions, rad.

    By the arc tangent of cross and dot product: it keeps small angles, for which the cosine has no digits left.

    Shapes: (..., 3) each, of any length; returns (...).
    """
    sine = np.linalg.norm(np.cross(one, other), axis=-1)
    angle: Array = np.arctan2(sine, np.einsum("...i,...i->...", one, other))
    return angle
