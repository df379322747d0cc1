"""Hits as the follower takes them: sorted, with what it expects of scattering and of directions in front."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, ragged
from ....physics.multiple_scattering import highland_angle
from ....physics.range_energy import momentum_velocity, particle_energy
from ..tracks.links import dead_hits, frame_of_hit
from .follower_score import LAYER, LOG_DEDX, SEED_WIDTH, SLOPE_X, SLOPE_Y, WIDTH, Z

Floats = NDArray[np.float64]

UNKNOWN_WIDTH = 0.02
"""Deflection in a layer whose material is not known, before it is measured, rad."""

UNKNOWN_SEED_WIDTH = 0.05
"""Width of the directions in front, before it is measured, rad."""

LEAST_WIDTH = 1e-4
"""Below this the resolution of the sensors decides, rad."""

LEAST_RANGE = 5.0
"""Range that is left on average in the layer where protons stop, mm of water."""

FEWEST = 8
"""Deflections from which their width is measured."""

RAYLEIGH_MEDIAN = np.sqrt(2.0 * np.log(2.0))
"""Median length of a vector of two Gaussian components of width 1."""


def sorted_hits(examples: Columns) -> tuple[Floats, Array]:
    """Return the N hits of live layers as the follower takes them, (N, 9), with these layers counted, and the place of each in the examples, (N,)."""
    x, y, z, dedx = (ragged(examples, name).flat.astype(np.float64) for name in ("x", "y", "z", "dedx"))
    layer, dead = dead_hits(examples)
    order = np.lexsort((y, x, layer, frame_of_hit(examples)))
    order = order[~dead[order]]
    hits = np.zeros((len(order), 9))
    hits[:, :5] = np.stack([x, y, z, layer, expected_widths(examples)], 1)[order]
    hits[:, SEED_WIDTH] = UNKNOWN_SEED_WIDTH
    hits[:, LOG_DEDX] = np.log(np.maximum(dedx[order], 1e-6))
    return hits, order


def expected_widths(examples: Columns) -> Floats:
    """Return the deflection at each hit in x or in y that Highland's formula gives, rad, (H,).

    The energy left is that of a proton that stops in the last layer with half as many hits as the
    fullest layer of its frame. `UNKNOWN_WIDTH` where the materials are not known.
    """
    depth, layer = ragged(examples, "depth").flat.astype(np.float64), ragged(examples, "layer").flat.astype(np.int64)
    lengths, frame = ragged(examples, "gap_lengths").flat.astype(np.float64), frame_of_hit(examples)
    count = np.zeros((len(examples["frame"]), layer.max(initial=0) + 1))
    np.add.at(count, (frame, layer), 1.0)
    full = count[frame, layer] >= 0.5 * count.max(1)[frame]
    stop = np.zeros(len(count))
    np.maximum.at(stop, frame[full], np.nan_to_num(depth[full]))
    left = np.maximum(stop[frame] - depth, 0.0) + LEAST_RANGE
    # Two gaps deflect at a hit, each by a third of its variance (two chords of a uniform scatterer).
    width: Floats = np.sqrt(2.0 / 3.0) * highland_angle(lengths, momentum_velocity(particle_energy(left)))
    return np.where(np.isfinite(width) & (width > 0.0), width, UNKNOWN_WIDTH)


def measured(hits: Floats, offsets: Array, previous: Array) -> Floats:
    """Return the hits with widths and expected slopes as the tracks of each frame have them."""
    frame = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    after = np.flatnonzero(previous >= 0)
    here = previous[after]
    slope = np.full((len(hits), 2), np.nan)
    slope[after] = (hits[after, :2] - hits[here, :2]) / (hits[after, Z] - hits[here, Z])[:, None]
    found = hits.copy()
    bend = np.linalg.norm(slope[after] - slope[here], axis=1)
    found[:, WIDTH] = _measured_widths(hits, frame, here, bend)
    first = previous[here] < 0
    _measure_seeds(found, frame, len(offsets) - 1, here[first], slope[after[first]])
    return found


def _measured_widths(hits: Floats, frame: Array, here: Array, bend: Array) -> Floats:
    """Return the width of the bends in each layer of each frame, and where there are few, of the whole frame."""
    here, bend = here[np.isfinite(bend)], bend[np.isfinite(bend)] / RAYLEIGH_MEDIAN
    if not len(here):
        width: Floats = hits[:, WIDTH]
        return width
    layer = hits[:, LAYER].astype(np.int64)
    group = frame * (layer.max() + 1) + layer
    found, count = _medians(bend, group[here], int(group.max()) + 1)
    scale, in_frame = _medians(bend / hits[here, WIDTH], frame[here], int(frame[-1]) + 1)
    few = hits[:, WIDTH] * np.where(in_frame >= FEWEST, scale, 1.0)[frame]
    return np.maximum(np.where(count[group] >= FEWEST, found[group], few), LEAST_WIDTH)


def _measure_seeds(hits: Floats, frame: Array, n: int, first: Array, slope: Array) -> None:
    """Fit slope = a + b x to the beginnings of the tracks of each of n frames, b the same in x and in y."""
    where, position = frame[first], hits[first, :2]
    centre = np.stack([_medians(values, where, n)[0] for values in (*position.T, *slope.T)], 1)
    away, change = position - centre[where, :2], slope - centre[where, 2:]
    factor = np.zeros(n)
    for _ in range(3):
        off = np.linalg.norm(change - factor[where, None] * away, axis=1)
        spread, count = _medians(off / RAYLEIGH_MEDIAN, where, n)
        inside = off <= 3.0 * spread[where]
        square = np.bincount(where, inside * (away**2).sum(1), minlength=n)
        factor = np.bincount(where, inside * (away * change).sum(1), minlength=n) / np.maximum(square, 1e-12)
    known = (count >= FEWEST)[frame]
    expected = centre[frame, 2:] + factor[frame, None] * (hits[:, :2] - centre[frame, :2])
    hits[known, SLOPE_X : SLOPE_Y + 1] = expected[known]
    hits[known, SEED_WIDTH] = np.maximum(spread, LEAST_WIDTH)[frame[known]]


def _medians(values: Array, group: Array, n: int) -> tuple[Floats, Array]:
    """Return median and number of the values of each of n groups; the median of none is 0."""
    count = np.bincount(group, minlength=n)
    middle = np.cumsum(count) - count + count // 2
    median = np.zeros(n)
    median[count > 0] = values[np.lexsort((values, group))][middle[count > 0]]
    return median, count
