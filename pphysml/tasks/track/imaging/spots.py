"""Which beam spot of its frame each track comes from, and where that is."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged
from ..config.imaging import UpstreamConfig
from ..tracks.spot_clusters import nearest_spot, spot_clusters
from .upstream import Floats, stacked, upstream_slopes

SPOT = ("spot_x", "spot_y", "spot_tx", "spot_ty")


def spots_of_tracks(listed: Columns, columns: Columns, frame: Array, options: UpstreamConfig) -> Columns:
    """Return `spot`, the number of each track's spot in its frame, and of frames with several the columns `SPOT` that there are.

    Of the spots that a frame has in the file (`spots_x` `spots_y`), a track belongs to the nearest one. Where the file has
    none, tracks that begin well apart are of several spots, each in the median of their first hits.

    Args:
        listed: tracks, with `x` `y` `z` and `SPOT` of their frames.
        columns: of the frames.
        frame: row of each track's frame, rising.
    """
    place = stacked(listed, "x", "y")
    if "spots_x" in columns:
        given = {name: ragged(columns, name.replace("spot_", "spots_")) for name in SPOT if name in listed}
        spots = _at_sensor(given, float(np.median(np.asarray(listed["z"]))) if len(frame) else 0.0, options)
        nearest = nearest_spot(place, frame, spots)
        return {"spot": (nearest - spots.offsets[frame]).astype(np.int16), **{name: column.flat[nearest] for name, column in given.items()}}
    if np.asarray(listed["spot_given"]).all():
        return {"spot": np.zeros(len(frame), dtype=np.int16)}
    spot, counts = spot_clusters(place, frame, len(ragged(columns, "wepl")))
    several = counts[frame] > 1
    found = {name: np.where(several, _medians(values, spot)[spot], np.asarray(listed[name])).astype(np.float32)
             for name, values in zip(SPOT[:2], place.T, strict=True)}
    return {"spot": (spot - (np.cumsum(counts) - counts)[frame]).astype(np.int16), **found}


def _at_sensor(given: dict[str, Ragged], z: float, options: UpstreamConfig) -> Ragged:
    """Return where particles of each spot would come to a sensor at `z` without an object, mm, (S, 2) in all."""
    spots: Columns = {name: column.flat for name, column in given.items()}
    spots["spot_given"] = np.ones(len(given["spot_x"].flat), dtype=bool)
    plane = options.z if options.spot_z is None else options.spot_z
    way = 0.0 if plane is None else z - plane
    return Ragged(stacked(spots, "spot_x", "spot_y") + way * upstream_slopes(spots, options), given["spot_x"].offsets)


def _medians(values: Floats, group: Array) -> Floats:
    """Return the upper median of each group's values; of a group without any it is another's."""
    order = np.lexsort((values, group))
    counts = np.bincount(group)
    middle = np.cumsum(counts) - counts + counts // 2
    medians: Floats = values[order][np.minimum(middle, len(values) - 1)]
    return medians
