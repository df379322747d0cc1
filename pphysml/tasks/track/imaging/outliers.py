"""Protons whose WEPL or direction does not fit those of the others that have crossed the same place.

Cuts at three standard deviations in WEPL and angle, pixel by pixel, as in R. W. Schulte et al., Med.
Phys. 35 (2008) 4849. Here centre and width are the median and 1.4826 times the median absolute
deviation, again and again of what is left, and where protons are few, pixels are larger.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Columns
from ..config.imaging import OutlierConfig
from ..tracks.spot_clusters import GAUSSIAN

OF_WEPL, OF_ANGLE = 1, 2
"""Bits of the column `outlier`."""

BITS = np.array([OF_WEPL, OF_ANGLE, OF_ANGLE], dtype=np.uint8)
"""What each of the three compared quantities says."""

SIZES = 7
"""Sizes of squares, each of twice the side of the one before."""

PASSES = 20
"""Most times that median and width are taken."""

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


def find_outliers(rows: Columns, deflection: Floats, projection: Array, options: OutlierConfig) -> tuple[Bytes, NDArray[np.bool_]]:
    """Return what makes each proton an outlier, bits `OF_WEPL` and `OF_ANGLE`, and which protons were judged.

    Args:
        rows: with `x` `y` (mm) and `wepl` (mm); for cells of spots with `spot_x` `spot_y` (mm).
        deflection: slopes behind the object less those in front, (N, 2).
        projection: number of each proton's projection, (N,).
    """
    values = np.concatenate([np.asarray(rows["wepl"], dtype=np.float64)[None], deflection.T])
    bits, judged = np.zeros(values.shape[1], dtype=np.uint8), np.zeros(values.shape[1], dtype=bool)
    if options.sigmas is None:
        return bits, judged
    for cell in _cells(rows, projection, options):
        order = np.argsort(cell, kind="stable")
        starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
        ends = np.append(starts[1:], len(order))
        _judge(values, order, starts, ends, options.min_protons, options.sigmas, bits, judged)
        if judged.all():
            break
    return bits, judged


def _cells(rows: Columns, projection: Array, options: OutlierConfig) -> list[Array]:
    """Return numbers of cells from 0, (N,) each, the smallest cells first."""
    if options.cells == "spots":
        places = [np.unique(np.asarray(rows[name]), return_inverse=True)[1].reshape(-1) for name in ("spot_x", "spot_y")]
        return [_numbered(projection, *places), projection]
    sides = options.pixel * 2.0 ** np.arange(SIZES)
    places = [np.asarray(rows[name], dtype=np.float64) for name in "xy"]
    return [*(_numbered(projection, *(np.floor(place / side).astype(np.int64) for place in places)) for side in sides), projection]


def _numbered(*ids: Array) -> Array:
    """Return a number from 0 for each combination of whole numbers."""
    number = np.zeros(len(ids[0]), dtype=np.int64)
    for values in ids:
        low = values.min(initial=0)
        number = number * (int(values.max(initial=0) - low) + 1) + (values - low)
    return number


@njit(cache=True, nogil=True)
def _judge(values: Floats, order: Array, starts: Array, ends: Array, fewest: int, sigmas: float, bits: Bytes, judged: NDArray[np.bool_]) -> None:
    """Judge the protons of all cells that have enough of them, and that no smaller cell has judged."""
    for cell in range(len(starts)):
        members = order[starts[cell] : ends[cell]]
        if len(members) < fewest or judged[members].all():
            continue
        found = _of_cell(values[:, members], sigmas)
        for i in range(len(members)):
            if not judged[members[i]]:
                bits[members[i]] = found[i]
                judged[members[i]] = True


@njit(cache=True, nogil=True)
def _of_cell(values: Floats, sigmas: float) -> Bytes:
    """Return the bits of the protons of one cell."""
    bits = np.zeros(values.shape[1], dtype=np.uint8)
    for _ in range(PASSES):
        kept = np.flatnonzero(bits == 0)
        # Three cuts that each leave half may leave none together.
        if not len(kept):
            break
        new = np.zeros(values.shape[1], dtype=np.uint8)
        for quantity in range(len(values)):
            inside = values[quantity][kept]
            centre = np.median(inside)
            limit = sigmas * GAUSSIAN * np.median(np.abs(inside - centre))
            # Values that are all the same have no width.
            if limit > 0:
                new[np.abs(values[quantity] - centre) > limit] |= BITS[quantity]
        if (new == bits).all():
            break
        bits = new
    return bits
