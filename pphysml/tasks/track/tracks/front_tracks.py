"""Tracks through the planes of a front tracker: hits that follow one another nearly along the beam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, ragged
from ....nn.assignment import BipartiteGraph, solve_assignment

Floats = NDArray[np.float64]

LARGEST_SLOPE = 0.02
"""Largest slope of a link against that of the beam; what planes scatter is a tenth of it."""

REFINED = 3
"""Times that the slope of a beam is found anew from the links along it."""


@dataclass(frozen=True)
class FrontTracks:
    """N tracks in front of the object; those of a frame follow one another.

    Attributes:
        frame: row of the frame, (N,).
        place: x, y and z of the last hit, mm, (N, 3).
        slope: dx/dz and dy/dz of the last link, (N, 2).
        step: length of that along the beam, mm, (N,).
        proton: of the last hit as numbered in the frame, -1 for none, (N,); None without truth.
    """

    frame: Array
    place: Floats
    slope: Floats
    step: Floats
    proton: Array | None


def find_front_tracks(examples: Columns) -> FrontTracks:
    """Return the tracks of two hits or more in neighbouring planes.

    From plane to plane, hits are assigned to one another so that the sum of the squared distances from straight on
    is smallest: along the beam from the first hit, see `_beam_slopes`, then along the link before. A hit may stay alone.
    """
    plane = ragged(examples, "front_plane")
    hits = plane.flat.astype(np.int64)
    frame = np.repeat(np.arange(len(plane)), plane.counts)
    place = np.stack([ragged(examples, f"front_{axis}").flat for axis in "xyz"], 1).astype(np.float64)
    slope = _beam_slopes(examples, hits, frame, place)[frame]
    step, last = np.zeros(len(hits)), np.ones(len(hits), dtype=bool)
    for k in range(1, int(hits.max(initial=0)) + 1):
        before, after = _linked(np.flatnonzero(hits == k - 1), np.flatnonzero(hits == k), frame, place, slope)
        way = place[after] - place[before]
        slope[after], step[after], last[before] = way[:, :2] / way[:, 2:], way[:, 2], False
    ends = np.flatnonzero(last & (step > 0))
    ends = ends[np.argsort(frame[ends], kind="stable")]
    proton = ragged(examples, "front_proton").flat[ends].astype(np.int64) if "front_proton" in examples else None
    return FrontTracks(frame[ends], place[ends], slope[ends], step[ends], proton)


def _beam_slopes(examples: Columns, plane: Array, frame: Array, place: Floats) -> Floats:
    """Return the slopes of the beam in each frame, (F, 2): `spot_tx` `spot_ty` if the frames have them.

    Else the beam runs along z, or as the medians of the hits in the first two planes say, whichever links more hits of these.
    """
    n = len(ragged(examples, "front_plane"))
    along = np.zeros((n, 2))
    if "spot_tx" in examples and "spot_ty" in examples:
        return np.nan_to_num(np.stack([np.asarray(examples[f"spot_t{axis}"], dtype=np.float64) for axis in "xy"], 1))
    before, after = np.flatnonzero(plane == 0), np.flatnonzero(plane == 1)
    if not len(before) or not len(after):
        return along
    medians = [np.stack([_medians(place[hits, k], frame[hits], n) for k in range(3)], 1) for hits in (before, after)]
    way = medians[1] - medians[0]
    aslant = np.nan_to_num(way[:, :2] / way[:, 2:])
    for _ in range(REFINED):
        # A hit too few moves a median of hits; less that of the links, most of which are right.
        left, right = _linked(before, after, frame, place, aslant[frame])
        way = place[right] - place[left]
        aslant = np.nan_to_num(np.stack([_medians(way[:, k] / way[:, 2], frame[left], n) for k in range(2)], 1))
    links = [np.bincount(frame[_linked(before, after, frame, place, slope[frame])[0]], minlength=n) for slope in (along, aslant)]
    return np.where((links[1] > links[0])[:, None], aslant, along)


def _medians(values: Floats, group: Array, n: int) -> Floats:
    """Return the upper median of each of n groups, NaN of one without values."""
    order = np.lexsort((values, group))
    counts = np.bincount(group, minlength=n)
    middle = np.minimum(np.cumsum(counts) - counts + counts // 2, len(values) - 1)
    return np.where(counts > 0, values[order][middle], np.nan) if len(values) else np.full(n, np.nan)


def _linked(before: Array, after: Array, frame: Array, place: Floats, slope: Floats) -> tuple[Array, Array]:
    """Return the hits of two planes that are assigned to one another."""
    if not len(before) or not len(after):
        return before[:0], after[:0]
    gap = float(np.median(place[after, 2]) - np.median(place[before, 2]))
    expected, width = place[before, :2] + gap * slope[before], gap * LARGEST_SLOPE
    left, right = near_pairs(frame[before], expected[:, 0], frame[after], place[after, 0], width)
    distance = ((place[after[right], :2] - expected[left]) ** 2).sum(1)
    near = distance < width**2
    left, right = left[near], right[near]
    chosen = solve_assignment(BipartiteGraph(left, right, len(before), len(after)), distance[near] - width**2, np.zeros(len(before)), np.zeros(len(after)))
    return before[left[chosen]], after[right[chosen]]


def near_pairs(frame: Array, x: Floats, other_frame: Array, other_x: Floats, width: float) -> tuple[Array, Array]:
    """Return all pairs (i, j) of one frame with |x[i] - other_x[j]| <= width, ordered by i."""
    # Sorted along a line on which frames lie so far apart that none reaches another.
    low = min(x.min(initial=0.0), other_x.min(initial=0.0))
    apart = max(x.max(initial=0.0), other_x.max(initial=0.0)) - low + 3 * width + 1.0
    at, other = frame * apart + (x - low), other_frame * apart + (other_x - low)
    order = np.argsort(other, kind="stable")
    first, stop = np.searchsorted(other[order], at - width, "left"), np.searchsorted(other[order], at + width, "right")
    counts = stop - first
    i = np.repeat(np.arange(len(at)), counts)
    place = np.arange(len(i)) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, order[np.repeat(first, counts) + place]
