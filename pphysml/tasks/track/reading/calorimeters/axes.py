"""Positions turned into the frame of the beam, which runs along +z there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .....io.ragged import Array, Column, Columns, Ragged

USUAL = "+z"
OPPOSITE = "-z"

TURNS: dict[str, tuple[tuple[int, float], ...]] = {
    "+z": ((0, 1.0), (1, 1.0), (2, 1.0)),
    "-z": ((0, -1.0), (1, 1.0), (2, -1.0)),
    "+x": ((2, -1.0), (1, 1.0), (0, 1.0)),
    "-x": ((2, 1.0), (1, 1.0), (0, -1.0)),
    "+y": ((0, 1.0), (2, -1.0), (1, 1.0)),
    "-y": ((0, 1.0), (2, 1.0), (1, -1.0)),
}
"""Axis along which the beam runs -> which coordinate of the file, with which sign, each of x, y and z is then; all are rotations."""


SPOT_TURNED = ("spot_x", "spot_ty", "spots_x", "spots_ty")
"""Position and slope of a spot that have the other sign for a beam along -z."""


def turned(columns: Columns, axis: str, names: Sequence[str] = ("x", "y", "z")) -> Columns:
    """Return columns with positions in the frame of a beam along an axis.

    Spots are turned for a beam along -z; for one along x or y they stay as they are, since the file has two of
    their coordinates only.

    Args:
        names: of the three coordinates.
    """
    if axis == USUAL or any(name not in columns for name in names):
        return columns
    found = dict(columns)
    for name, (source, sign) in zip(names, TURNS[axis], strict=True):
        found[name] = _signed(columns[names[source]], sign)
    for name in SPOT_TURNED if axis == OPPOSITE else ():
        if name in columns:
            found[name] = _signed(columns[name], -1.0)
    return found


def turned_positions(positions: Array, axis: str) -> Array:
    """Return positions (N, 3) in the frame of a beam along an axis."""
    source, sign = zip(*TURNS[axis], strict=True)
    found: Array = positions[:, source] * np.array(sign)
    return found


def _signed(column: Column, sign: float) -> Column:
    if sign > 0:
        return column
    return Ragged(-column.flat, column.offsets) if isinstance(column, Ragged) else -np.asarray(column)
