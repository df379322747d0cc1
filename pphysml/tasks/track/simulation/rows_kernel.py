"""Rows that the simulation's compiled loop writes, in an array that grows."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..geometries.geometry import Floats

ROW_EVENT, ROW_X, ROW_Y, ROW_LAYER, ROW_EDEP, ROW_LOCAL_Z, ROW_TRACK, ROW_PARENT, ROW_PDG = range(9)

EVENT_ROWS = 4096
"""Rows of one event at most; what would be more is left out."""


class Rows(NamedTuple):
    """Rows (capacity, 9), and in `used` how many are written and the last track id of the event."""

    values: Floats
    used: NDArray[np.int64]


class Sensors(NamedTuple):
    """The sensors.

    Attributes:
        thickness, half_x, half_y: thickness, and half the width and height, mm.
        z: positions along the beam, mm, (L,).
        steps: parts of the thickness in which deposits are drawn.
        loss_yield: energy that is left, over Bethe's mean.
        water: water-equivalent thickness of a sensor in which ranges end, mm; 0 of a thin one.
        knock_on: electrons per hit that are drawn apart from the energy loss.
        hardest: energy of a collision from which its electron has a hit of its own, MeV.
        photon_path: mean distance from a nuclear interaction at which a photon's electron reaches a sensor, mm.
    """

    thickness: float
    half_x: float
    half_y: float
    z: Floats
    steps: int
    loss_yield: float
    water: float
    knock_on: float
    hardest: float
    photon_path: float


@njit(cache=True, nogil=True)
def inside(x: float, y: float, sensors: Sensors) -> bool:
    """Return whether a point lies on the sensors."""
    return abs(x) < sensors.half_x and abs(y) < sensors.half_y


@njit(cache=True, nogil=True)
def add_row(
    rows: Rows, event: int, x: float, y: float, layer: int, edep: float, local_z: float, track: float, parent: float, pdg: float
) -> None:
    """Write a row, if there is room."""
    n = rows.used[0]
    if n == len(rows.values):
        return
    row = rows.values[n]
    row[ROW_EVENT], row[ROW_X], row[ROW_Y], row[ROW_LAYER], row[ROW_EDEP] = event, x, y, layer, edep
    row[ROW_LOCAL_Z], row[ROW_TRACK], row[ROW_PARENT], row[ROW_PDG] = local_z, track, parent, pdg
    rows.used[0] = n + 1


@njit(cache=True, nogil=True)
def grown(rows: Rows) -> Any:
    """Return rows with room for another event."""
    n = rows.used[0]
    if n + EVENT_ROWS <= len(rows.values):
        return rows
    values = np.empty((2 * len(rows.values), 9))
    values[:n] = rows.values[:n]
    return Rows(values, rows.used)
