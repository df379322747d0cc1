"""Arrays of crystals, of submodules and of modules along the two sides of a flat block."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, tan

import numpy as np
from numpy.typing import NDArray

from .ring_kernel import Floats

Indices = NDArray[np.int64]
Pair = tuple[int, int]
Lengths = tuple[float, float]

ROUNDING = 1e-3
"""Overlap below which lengths are said to be rounded, mm."""


def offsets(counts: Sequence[Pair], pitches: Sequence[Lengths], axis: int, place: Indices) -> Floats:
    """Return where crystals are along an axis of a block, from its middle, mm.

    Args:
        counts, pitches: of modules, submodules and crystals.
        axis: 0 transaxial, 1 axial.
        place: number of the crystal along that axis, (N,).
    """
    offset = np.zeros(len(place))
    for count, pitch in zip(reversed(counts), reversed(pitches), strict=True):
        offset += (place % count[axis] - 0.5 * (count[axis] - 1)) * pitch[axis]
        place = place // count[axis]
    return offset


def extent(counts: Sequence[Pair], pitches: Sequence[Lengths], size: float, axis: int) -> float:
    """Return the size of a block along an axis, mm, for crystals of a size."""
    return size + sum((count[axis] - 1) * pitch[axis] for count, pitch in zip(counts, pitches, strict=True))


def overlaps(radius: float, rsectors: int, counts: Sequence[Pair], pitches: Sequence[Lengths], size: Lengths) -> list[str]:
    """Return what overlaps, each as a sentence without its full stop."""
    problems: list[str] = []
    inner = size
    for name, count, pitch in zip(("crystals", "submodules", "modules"), reversed(counts), reversed(pitches), strict=True):
        problems += [f"{name} of {inner[axis]:g} mm overlap at a pitch of {pitch[axis]:g} mm"
                     for axis in range(2) if count[axis] > 1 and pitch[axis] < inner[axis] - ROUNDING]
        inner = (inner[0] + (count[0] - 1) * pitch[0], inner[1] + (count[1] - 1) * pitch[1])
    if rsectors > 2 and 2.0 * radius * tan(pi / rsectors) < inner[0] - ROUNDING:
        problems.append(f"{rsectors} blocks of {inner[0]:g} mm overlap at a radius of {radius:g} mm")
    return problems
