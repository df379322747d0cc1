"""Where protons come from: position and direction in front of the object, of the front tracker or else of the beam spot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Columns
from ..config.imaging import UpstreamConfig

Floats = NDArray[np.float64]

OF_FRONT = ("front_x0", "front_y0", "front_z0", "front_tx", "front_ty")
"""Columns of tracks with a front tracker; NaN where a track has none there."""

UNKNOWN, SPOT, FRONT = range(3)
"""Where position and direction are from."""


def upstream_source(rows: Columns, options: UpstreamConfig) -> NDArray[np.uint8]:
    """Return where position and direction of each row are from, (N,)."""
    known = np.isfinite(spots(rows, options)).all(1)
    return np.where(in_front(rows), FRONT, np.where(known, SPOT, UNKNOWN)).astype(np.uint8)


def in_front(rows: Columns) -> NDArray[np.bool_]:
    """Return which rows have a track in the front tracker, (N,)."""
    found: NDArray[np.bool_] = np.isfinite(np.asarray(rows["front_x0"])) if "front_x0" in rows else np.zeros(len(rows["spot_x"]), dtype=bool)
    return found


def upstream_slopes(rows: Columns, options: UpstreamConfig) -> Floats:
    """Return the slopes dx/dz and dy/dz in front of the object, (N, 2); 0 where nothing is known of them.

    Args:
        rows: with `spot_x` `spot_y` `spot_given`, and `spot_tx` `spot_ty` and `OF_FRONT` as far as there are.
    """
    slopes = _spot_slopes(rows, options)
    return slopes if "front_tx" not in rows else np.where(in_front(rows)[:, None], stacked(rows, "front_tx", "front_ty"), slopes)


def _spot_slopes(rows: Columns, options: UpstreamConfig) -> Floats:
    if options.source_distance is not None:
        slopes: Floats = np.nan_to_num(spots(rows, options)) / np.array(options.source_distance)
        return slopes
    if "spot_tx" in rows and "spot_ty" in rows:
        return stacked(rows, "spot_tx", "spot_ty")
    return np.zeros((len(rows["spot_x"]), 2))


def spots(rows: Columns, options: UpstreamConfig) -> Floats:
    """Return the positions of the spots, mm, (N, 2): of the file, or else as stated; NaN if neither is there."""
    stated = [np.nan, np.nan] if options.spot is None else options.spot
    return np.where(np.asarray(rows["spot_given"])[:, None], stacked(rows, "spot_x", "spot_y"), stated)


def upstream_positions(rows: Columns, slopes: Floats, options: UpstreamConfig) -> Floats:
    """Return the positions in front of the object, mm, (N, 3); NaN where they are not known.

    Args:
        slopes: of `upstream_slopes`.
    """
    z = np.nan if options.z is None else options.z
    given_at = z if options.spot_z is None else options.spot_z
    across = spots(rows, options) + slopes * (z - given_at)
    if "front_x0" in rows:
        across = np.where(in_front(rows)[:, None], front_positions(rows, np.full(len(across), z)), across)
    return np.concatenate([across, np.full((len(across), 1), z)], -1)


def front_positions(rows: Columns, z: Floats) -> Floats:
    """Return where tracks of the front tracker cross the positions `z` along the beam, mm, (N, 2); NaN for others."""
    way = z - np.asarray(rows["front_z0"], dtype=np.float64)
    return stacked(rows, "front_x0", "front_y0") + way[:, None] * stacked(rows, "front_tx", "front_ty")


def toolkit_spots(rows: Columns, options: UpstreamConfig) -> Floats:
    """Return the positions in the place of the spots, mm, (N, 2): of the front tracker where the spots' positions are given, or else of the spots."""
    found = spots(rows, options)
    if "front_x0" not in rows:
        return found
    plane = options.z if options.spot_z is None else options.spot_z
    at = np.asarray(rows["front_z0"], dtype=np.float64) if plane is None else np.full(len(found), plane)
    return np.where(in_front(rows)[:, None], front_positions(rows, at), found)


def stacked(rows: Columns, *names: str) -> Floats:
    """Return columns of one value per row beside each other, (N, number of names)."""
    return np.stack([np.asarray(rows[name], dtype=np.float64) for name in names], -1)


def unit_vectors(slopes: Floats) -> Floats:
    """Return the directions (dx, dy, dz) of length 1, dz > 0, from slopes dx/dz and dy/dz, (N, 3)."""
    vectors = np.concatenate([slopes, np.ones((len(slopes), 1))], -1)
    unit: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
