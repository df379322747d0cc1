"""A flat list for image reconstruction: one row per particle with its path and what it has crossed."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged
from ....io.schema import Field
from ..config import TrackConfig
from ..output.track_flags import BEYOND, KINK, LATE, NO_PEAK, SHORT
from .list_files import check_list
from .projections import rotation_angles
from .spots import spots_of_tracks
from .upstream import (
    OF_FRONT,
    stacked,
    unit_vectors,
    upstream_positions,
    upstream_slopes,
    upstream_source,
)

UNUSABLE = KINK | NO_PEAK | SHORT | LATE | BEYOND
"""Flags of tracks whose range says nothing of what the particle of the beam has crossed."""

OF_FRAME = ("file", "entry", "frame", "run", "spot_x", "spot_y", "spot_given", "spot_tx", "spot_ty", "rotation_angle")


def _row(name: str, dtype: str, help: str, unit: str = "") -> Field:
    return Field(name, "event", dtype, help, unit=unit)


WEPL_FIELDS = (
    _row("frame", "int64", "Number of the frame."),
    _row("run", "int64", "Run number of the frame's first hit."),
    _row("track", "int32", "Index of the track in the frame."),
    _row("rotation_angle", "float32", "Rotation of the object; NaN where neither the file nor apply.rotation_angles has it.", "deg"),
    _row("spot", "int16", "Number of the beam spot in the frame, from 0."),
    _row("spot_x", "float32", "Position of the beam spot, of several in a frame that of the nearest; if the file has none, the median of its first hits where a frame has several spots, else 0.", "mm"),
    _row("spot_y", "float32", "Position of the beam spot.", "mm"),
    _row("spot_given", "bool", "Whether the file has the position of the spot."),
    _row("upstream_x", "float32", "Position in front of the object, of the front tracker or else of the beam spot; NaN without apply.upstream.z, and where neither is known.", "mm"),
    _row("upstream_y", "float32", "Position in front of the object.", "mm"),
    _row("upstream_z", "float32", "Position in front of the object, apply.upstream.z.", "mm"),
    _row("upstream_dx", "float32", "Direction in front of the object, a unit vector along the beam; (0, 0, 1) where nothing is known of it."),
    _row("upstream_dy", "float32", "Direction in front of the object."),
    _row("upstream_dz", "float32", "Direction in front of the object."),
    _row("upstream_from", "uint8", "Where position and direction in front are from: 0 not known, 1 the beam spot, 2 the front tracker."),
    _row("x", "float32", "Position at the first sensor, in the coordinates of the hits.", "mm"),
    _row("y", "float32", "Position at the first sensor.", "mm"),
    _row("z", "float32", "Position at the first sensor.", "mm"),
    _row("tx", "float32", "Slope dx/dz between the first two sensors."),
    _row("ty", "float32", "Slope dy/dz between the first two sensors."),
    _row("dx", "float32", "Direction between the first two sensors, a unit vector along the beam."),
    _row("dy", "float32", "Direction between the first two sensors."),
    _row("dz", "float32", "Direction between the first two sensors."),
    _row("wepl", "float32", "Water-equivalent path length in front of the calorimeter.", "mm"),
    _row("wepl_error", "float32", "Its standard error, with range straggling.", "mm"),
    _row("score", "float32", "Product of the probabilities of the track's links."),
    _row("flags", "uint8", "Flags of the track; none with a kink, without a Bragg peak, of few hits, that begins behind the first layer, or stops behind the beam's range."),
    _row("outlier", "uint8", "0, or what differs from the other protons at the same place, see apply.outliers; sum of: 1 WEPL, 2 angle."),
)


def wepl_list(columns: Columns, config: TrackConfig) -> Columns:
    """Return the columns named in `WEPL_FIELDS` but `outlier`, one row per track that can be used.

    Args:
        columns: of the tracks, one row per frame, as in `schema.OUTPUT_FIELDS`, with `spot_given`; `file`
            and `entry` are carried over where they are there, and `upstream.OF_FRONT`.
    """
    wepl, flags = ragged(columns, "wepl"), ragged(columns, "flags")
    rows = np.flatnonzero(np.isfinite(wepl.flat) & ((flags.flat & UNUSABLE) == 0) & (ragged(columns, "n_hits_of_track").flat > 1))
    frame = np.repeat(np.arange(len(wepl)), wepl.counts)[rows]
    listed: Columns = {name: _frames(columns, name)[frame] for name in OF_FRAME if name in columns}
    for name, source in {"x": "x0", "y": "y0", "tx": "tx", "ty": "ty", "wepl": "wepl", "wepl_error": "wepl_error",
                         "score": "score", "flags": "flags", **{name: name for name in OF_FRONT if name in columns}}.items():
        listed[name] = ragged(columns, source).flat[rows]
    listed["track"] = (rows - wepl.offsets[frame]).astype(np.int32)
    listed["z"] = ragged(columns, "hit_z").flat[_first_hits(columns)[rows]]
    listed |= spots_of_tracks(listed, columns, frame, config.apply.upstream)
    listed["rotation_angle"] = rotation_angles(listed, config.apply.rotation_angles)
    listed |= _paths(listed, config)
    listed["upstream_from"] = upstream_source(listed, config.apply.upstream)
    check_list(listed, config.apply)
    return {name: column for name, column in listed.items() if name not in ("spot_tx", "spot_ty")}


def _paths(listed: Columns, config: TrackConfig) -> Columns:
    """Return position and direction in front of the object, and direction behind it."""
    before = upstream_slopes(listed, config.apply.upstream)
    found = {"upstream_": upstream_positions(listed, before, config.apply.upstream), "upstream_d": unit_vectors(before),
             "d": unit_vectors(stacked(listed, "tx", "ty"))}
    return {f"{name}{axis}": values[:, k].astype(np.float32) for name, values in found.items() for k, axis in enumerate("xyz")}


def _frames(columns: Columns, name: str) -> Array:
    column = columns[name]
    assert not isinstance(column, Ragged)
    return column


def _first_hits(columns: Columns) -> Array:
    """Return the index of each track's first hit among the hits of all frames, (T,)."""
    size, hits, places = (ragged(columns, name) for name in ("n_hits_of_track", "track_hits", "hit_z"))
    starts = np.cumsum(size.flat, dtype=np.int64) - size.flat
    frame = np.repeat(np.arange(len(size)), size.counts)
    return hits.flat[starts].astype(np.int64) + places.offsets[frame]
