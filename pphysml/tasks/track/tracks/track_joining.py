"""Pieces of one track on either side of a sensor that missed it."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ....nn.assignment import BipartiteGraph, solve_assignment
from ....physics.directions import angle_between
from .links import Links, frame_of_hit, live_layers


def join(examples: Columns, links: Links, largest: float) -> Links:
    """Link ends of tracks to starts two layers further on, dead ones not counted, if the whole is nearly straight.

    Ends and starts must have a link of their own, whose directions the new link must have within
    `largest` (rad) at both hits; the assignment with the smallest sum of squares is taken.
    """
    layer, frame = live_layers(examples), frame_of_hit(examples)
    following = np.full(len(layer), -1, dtype=np.int64)
    has = np.flatnonzero(links.previous >= 0)
    following[links.previous[has]] = has
    ends = np.flatnonzero((following < 0) & (links.previous >= 0))
    starts = np.flatnonzero((following >= 0) & (links.previous < 0))
    start, end = _pairs(frame[starts] * 1_000_000 + layer[starts] - 2, frame[ends] * 1_000_000 + layer[ends])
    start, end = starts[start], ends[end]
    position = np.stack([ragged(examples, name).flat.astype(np.float64) for name in "xyz"], 1)
    between = position[start] - position[end]
    bends = [angle_between(position[end] - position[links.previous[end]], between), angle_between(between, position[following[start]] - position[start])]
    straight = np.maximum(*bends) < largest
    start, end = start[straight], end[straight]
    cost = (bends[0] ** 2 + bends[1] ** 2)[straight] - 2 * largest**2
    free = np.zeros(len(layer))
    chosen = solve_assignment(BipartiteGraph(start, end, len(layer), len(layer)), cost, free, free)
    previous, probability = links.previous.copy(), links.probability.copy()
    previous[start[chosen]] = end[chosen]
    return Links(previous, probability)


def _pairs(keys: Array, other: Array) -> tuple[Array, Array]:
    """Return all pairs (i, j) with keys[i] == other[j]."""
    order = np.argsort(other, kind="stable")
    low, high = (np.searchsorted(other[order], keys, side) for side in ("left", "right"))
    counts = high - low
    first = np.repeat(np.arange(len(keys)), counts)
    place = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    return first, order[np.repeat(low, counts) + place]
