"""Path of tracks in water-equivalent length, which is longer than the depth where they run aslant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Columns, ragged
from ..tracks.track_fit import positions
from ..tracks.tracks import Tracks

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WaterPath:
    """What a particle has crossed behind the phantom, at each listed hit of all tracks.

    Attributes:
        depth: along the beam, mm, parallel to `Tracks.hits.flat`.
        length: along the track, mm.
        slant: path over depth of the link to the hit before; of a first hit that of the next link.
        ahead: depth of the two sensors behind each track's last hit, mm, (T, 2).
    """

    depth: Floats
    length: Floats
    slant: Floats
    ahead: Floats


def water_path(examples: Columns, tracks: Tracks) -> WaterPath:
    """Return the path of each track; the part before the first hit runs like the first link."""
    hits, starts = tracks.hits.flat, tracks.hits.offsets[:-1]
    depth = ragged(examples, "depth").flat[hits].astype(np.float64)
    slant = _slants(positions(examples)[hits], tracks)
    step = np.diff(depth, prepend=0.0)
    step[starts] = depth[starts]
    total = np.cumsum(step * slant)
    before = np.append(0.0, total)[starts]
    ahead = np.stack([ragged(examples, name).flat[tracks.last] for name in ("next_depth", "second_depth")], 1).astype(np.float64)
    return WaterPath(depth, total - np.repeat(before, tracks.hits.counts), slant, ahead)


def _slants(place: Floats, tracks: Tracks) -> Floats:
    """Return the length of each link over its distance along the beam, 1 for a track of one hit."""
    starts, counts = tracks.hits.offsets[:-1], tracks.hits.counts
    step = np.diff(place, axis=0, prepend=0.0)
    # What joins two tracks is no link; only links of tracks have a sure sign along the beam.
    inside = np.ones(len(place), dtype=bool)
    inside[starts] = False
    slant = np.ones(len(place))
    slant[inside] = np.linalg.norm(step[inside], axis=1) / np.abs(step[inside, 2])
    long = starts[counts > 1]
    slant[long] = slant[long + 1]
    return slant
