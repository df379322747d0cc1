"""Where a track enters, where it bends, and whether multiple scattering explains that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, ragged
from ....physics.directions import angle_between
from .tracks import Tracks

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Bends:
    """The B inner hits of all tracks, at which two links meet.

    Attributes:
        hit: int64 (B, 3), the hit before, the inner one, and the one after it.
        track: int64 (B,), its track.
        angle: rad, (B,), between the two links.
    """

    hit: NDArray[np.int64]
    track: NDArray[np.int64]
    angle: Floats


def positions(examples: Columns) -> Floats:
    """Return the positions of all hits, mm, shape (H, 3)."""
    return np.stack([ragged(examples, axis).flat for axis in "xyz"], -1).astype(np.float64)


def entry_vectors(examples: Columns, tracks: Tracks) -> Floats:
    """Return x and y at the first hit, mm, and the slopes dx/dz and dy/dz to the second, shape (T, 4).

    The slopes of a track of one hit are NaN.
    """
    place = positions(examples)
    start = place[tracks.first]
    slopes = np.full((len(start), 2), np.nan)
    long = np.flatnonzero(tracks.hits.counts > 1)
    step = place[tracks.hits.flat[tracks.hits.offsets[long] + 1]] - start[long]
    slopes[long] = step[:, :2] / step[:, 2:]
    return np.concatenate([start[:, :2], slopes], -1)


def bends(examples: Columns, tracks: Tracks) -> Bends:
    """Return the angle between the links that meet in each inner hit."""
    hits, owner = tracks.hits.flat, tracks.owner
    inner = np.flatnonzero(owner[2:] == owner[:-2])
    step = np.diff(positions(examples)[hits], axis=0)
    before, after = step[inner], step[inner + 1]
    return Bends(hits[inner[:, None] + np.arange(3)], owner[inner], angle_between(before, after))


def bends_onto(place: Floats, hit: Array, other: Array, way: Floats) -> Floats:
    """Return the angle between links of hits and another way from, or to them, rad, (N,); 0 for hits without a link.

    Args:
        place: positions of all hits, mm, (H, 3).
        hit: the hits, (N,).
        other: that at the other end of each one's link, on either side, -1 for none, (N,).
        way: direction with rising z, (N, 3).
    """
    there = np.flatnonzero(other >= 0)
    own = place[hit[there]] - place[other[there]]
    angle = np.zeros(len(hit))
    angle[there] = angle_between(own * np.sign(own[:, 2:]), way[there])
    return angle


def largest_kink(found: Bends, tracks: Tracks) -> Floats:
    """Return the largest angle between two links of each track, rad, shape (T,); 0 if there is none."""
    kink = np.zeros(len(tracks.hits))
    np.maximum.at(kink, found.track, found.angle)
    return kink
