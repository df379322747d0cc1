"""Pieces of one track on either side of sensors that missed it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns
from ....nn.assignment import BipartiteGraph, solve_assignment
from .links import Ints, Links, following_hits, frame_of_hit, live_places
from .track_fit import bends_onto, positions

Floats = NDArray[np.float64]

MISSED = 2
"""Layers in a row that a track may be joined over."""

LONE = 2 / 3
"""Largest bend at a piece of a single hit, which shows no direction of its own, over that between two longer pieces."""

BY_CHANCE = 0.05
"""Starts that may be expected by chance as near to where a piece points as the one that is taken."""

LEAST_WIDTH = 1.0
"""Width of a beam spot at least, mm, for frames of a few hits."""


def join(examples: Columns, links: Links, largest: float) -> Links:
    """Link ends of tracks to starts two or three layers further on, dead ones not counted, if the whole is nearly straight.

    Bends of the new link with those at either of its hits must be below `largest` (rad), less for a hit that is
    alone (`LONE`), of which there is one at most, and less where starts lie so dense that one would be as near by
    chance (`BY_CHANCE`). The assignment with the smallest sum of squares is taken, first over one missed layer, then over two.
    """
    place, where = positions(examples), live_places(examples)
    area = _areas(place, frame_of_hit(examples))
    for missed in range(1, MISSED + 1):
        links = _joined(links, place, where, area, largest, missed)
    return links


class _Pairs(NamedTuple):
    """Starts and ends of pieces, one layer and the missed ones apart, (P,)."""

    start: Ints
    end: Ints


def _joined(links: Links, place: Floats, where: Floats, area: Floats, largest: float, missed: int) -> Links:
    following = following_hits(links.previous)
    starts, ends = np.flatnonzero(links.previous < 0), np.flatnonzero(following < 0)
    pairs = _pairs(starts, ends, where, 1 + missed, (following < 0) & (links.previous < 0))
    between = place[pairs.start] - place[pairs.end]
    before, after = links.previous[pairs.end], following[pairs.start]
    bends = (bends_onto(place, pairs.end, before, between), bends_onto(place, pairs.start, after, between))
    alone = (before < 0) | (after < 0)
    limit = np.minimum(np.where(alone, LONE, 1) * largest, _by_chance(starts, where, area, pairs.start) / between[:, 2])
    near = np.maximum(*bends) < limit
    # A single bend counts for both.
    cost = np.where(alone, 2, 1) * (bends[0] ** 2 + bends[1] ** 2) - 2 * limit**2
    (start, row), (end, column) = (np.unique(hits[near], return_inverse=True) for hits in pairs)
    chosen = solve_assignment(BipartiteGraph(row, column, len(start), len(end)), cost[near], np.zeros(len(start)), np.zeros(len(end)))
    previous = links.previous.copy()
    previous[start[row[chosen]]] = end[column[chosen]]
    return Links(previous, links.probability)


def _areas(place: Floats, frame: Ints) -> Floats:
    r"""Return the area over which the hits of each one's frame are spread, mm2, (H,).

    It is :math:`4 \pi \sigma_x \sigma_y`, over which the mean density that hits of a Gaussian spot see is their number.
    """
    counts = np.maximum(np.bincount(frame), 1)
    variances = [np.bincount(frame, (x - (np.bincount(frame, x) / counts)[frame]) ** 2) / counts for x in place.T[:2]]
    widths = [np.sqrt(np.maximum(variance, LEAST_WIDTH**2)) for variance in variances]
    area: Floats = (4 * np.pi * widths[0] * widths[1])[frame]
    return area


def _by_chance(starts: Ints, where: Floats, area: Floats, start: Ints) -> Floats:
    """Return the distance within which `BY_CHANCE` other starts of the same layer are expected, mm."""
    ordered = np.sort(where[starts])
    others = np.searchsorted(ordered, where[start], "right") - np.searchsorted(ordered, where[start], "left") - 1
    distance: Floats = np.sqrt(BY_CHANCE / np.pi * area[start] / np.maximum(others, 1e-9))
    return distance


def _pairs(starts: Ints, ends: Ints, where: Floats, step: int, lone: Array) -> _Pairs:
    """Return all pairs that are so many layers apart, and not both alone."""
    order = np.argsort(where[ends], kind="stable")
    low, high = (np.searchsorted(where[ends][order], where[starts] - step, side) for side in ("left", "right"))
    counts = high - low
    start = np.repeat(starts, counts)
    end = ends[order[np.repeat(low, counts) + np.arange(len(start)) - np.repeat(np.cumsum(counts) - counts, counts)]]
    chosen = ~(lone[start] & lone[end])
    return _Pairs(start[chosen], end[chosen])
