"""Clusters of two particles: which tracks go through them, and which way these go on.

What two particles leave in touching pixels is one hit. Links give it to one track; that of the other particle
leaves out the layer. A track that does, and passes over a hit of another track there, shares it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Columns, Ragged, ragged
from .links import Ints, Links, following_hits, frame_of_hit, live_places
from .track_fit import bends_onto, positions
from .tracks import Tracks

Floats = NDArray[np.float64]

CROSSED_WITHIN = 5.0
"""Radii of a cluster, of the area of its pixels, within which a track that passes may have exchanged its end with the cluster's own."""

SHARED_WITHIN, LARGER = 3.0, 1.3
"""Radii within which a track that passes shares a cluster that has so many times the pixels of the track's hits around it; within one radius it
shares any. A sensor that missed the particle, or does not cover it, has the cluster of another one there by chance, of the usual size."""


class Passed(NamedTuple):
    """Hits that tracks pass over: the hit, those of the track before and behind it, int64 (P,), and its distance in radii, (P,)."""

    hit: Ints
    before: Ints
    behind: Ints
    distance: Floats


def uncross(examples: Columns, links: Links) -> Links:
    """Exchange the ends of two tracks behind a cluster of both, where both are straighter then.

    Links know only one of two tracks that meet in a cluster, and that one may go on behind it with either end.
    Bends are those of the two chords over the layer, without the cluster.
    """
    previous, following = links.previous.copy(), following_hits(links.previous)
    place, where = positions(examples), live_places(examples)
    found = _passed(examples, where, links.previous, 1, CROSSED_WITHIN)
    one, other = previous[found.hit], following[found.hit]
    whole = (one >= 0) & (other >= 0)
    whole &= (where[found.hit] - where[one] == 1) & (where[other] - where[found.hit] == 1)
    chosen = np.flatnonzero(whole)[np.unique(found.hit[whole], return_index=True)[1]]
    hit, before, behind, one, other = (of[chosen] for of in (*found[:3], one, other))

    def bends(start: Ints, end: Ints) -> Floats:
        chord = place[end] - place[start]
        return bends_onto(place, start, previous[start], chord) ** 2 + bends_onto(place, end, following[end], chord) ** 2

    crossed = bends(one, behind) + bends(before, other) < bends(one, other) + bends(before, behind)
    previous[behind[crossed]], previous[other[crossed]] = hit[crossed], before[crossed]
    return Links(previous, links.probability)


def share(examples: Columns, tracks: Tracks) -> Tracks:
    """Return the tracks with the hits of others that they pass over in layers that they leave out; `of_hit` stays."""
    listed, owner = tracks.hits.flat, tracks.owner
    previous = np.full(len(tracks.of_hit), -1, dtype=np.int64)
    same = np.flatnonzero(owner[1:] == owner[:-1])
    previous[listed[same + 1]] = listed[same]
    where, size = live_places(examples), ragged(examples, "cluster_size").flat
    found = [_passed(examples, where, previous, missed, SHARED_WITHIN) for missed in (1, 2)]
    hit, before, behind, distance = (np.concatenate(parts) for parts in zip(*found, strict=True))
    others = (tracks.of_hit[hit] >= 0) & (tracks.of_hit[hit] != tracks.of_hit[before])
    others &= (distance < 1) | (2 * size[hit] > LARGER * (size[before] + size[behind]))
    owner = np.concatenate([owner, tracks.of_hit[before[others]]])
    listed = np.concatenate([listed, hit[others]])
    # Hits are sorted by layer.
    order = np.lexsort((listed, owner))
    return Tracks(tracks.of_hit, Ragged.from_counts(listed[order], np.bincount(owner, minlength=len(tracks.hits))), tracks.frame)


def _passed(examples: Columns, where: Floats, previous: Ints, missed: int, radii: float) -> Passed:
    """Return the nearest hit in each layer that links leave out, of those links that leave out so many, if it is within so many radii."""
    behind = np.flatnonzero(previous >= 0)
    behind = behind[where[behind] - where[previous[behind]] == 1 + missed]
    asked = (where[previous[behind]][:, None] + np.arange(1, 1 + missed)).ravel()
    # Hits are sorted by frame and layer.
    low, high = (np.searchsorted(where, asked, side) for side in ("left", "right"))
    gap = np.repeat(np.arange(len(asked)), high - low)
    hit = low[gap] + np.arange(len(gap)) - (np.cumsum(high - low) - (high - low))[gap]
    end = behind[gap // missed]
    place, radius = positions(examples), _radii(examples)
    distance = _distance(place[previous[end]], place[end], place[hit])
    near = np.flatnonzero(distance < radii * radius.max(initial=0))
    gap, hit, end, distance = gap[near], hit[near], end[near], distance[near] / radius[hit[near]]
    order = np.lexsort((distance, gap))
    nearest = order[np.unique(gap[order], return_index=True)[1]]
    nearest = nearest[distance[nearest] < radii]
    return Passed(hit[nearest], previous[end[nearest]], end[nearest], distance[nearest])


def _distance(start: Floats, end: Floats, place: Floats) -> Floats:
    """Return how far hits lie from chords, across the beam, mm."""
    share = (place[:, 2] - start[:, 2]) / (end[:, 2] - start[:, 2])
    away = start + (end - start) * share[:, None] - place
    return np.hypot(away[:, 0], away[:, 1])


def _radii(examples: Columns) -> Floats:
    """Return the radius of a circle of the area of each hit's pixels, mm, (H,)."""
    pixel = np.asarray(examples["pitch_x"], dtype=np.float64) * np.asarray(examples["pitch_y"], dtype=np.float64)
    radius: Floats = np.sqrt(ragged(examples, "cluster_size").flat * pixel[frame_of_hit(examples)] / np.pi)
    return radius
