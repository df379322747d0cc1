"""Where protons come from: position and direction in front of the object, of the beam spot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Columns
from ..config.imaging import UpstreamConfig

Floats = NDArray[np.float64]


def upstream_slopes(rows: Columns, options: UpstreamConfig) -> Floats:
    """Return the slopes dx/dz and dy/dz in front of the object, (N, 2); 0 where nothing is known of them.

    Args:
        rows: with `spot_x` `spot_y` `spot_given`, and `spot_tx` `spot_ty` if the file has them.
    """
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
    return np.concatenate([across, np.full((len(across), 1), z)], -1)


def stacked(rows: Columns, *names: str) -> Floats:
    """Return columns of one value per row beside each other, (N, number of names)."""
    return np.stack([np.asarray(rows[name], dtype=np.float64) for name in names], -1)


def unit_vectors(slopes: Floats) -> Floats:
    """Return the directions (dx, dy, dz) of length 1, dz > 0, from slopes dx/dz and dy/dz, (N, 3)."""
    vectors = np.concatenate([slopes, np.ones((len(slopes), 1))], -1)
    unit: Floats = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return unit
