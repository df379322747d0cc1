"""Candidate links between hits, and which of them continue which; all frames and layers at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ...errors import InputError
from ...io.ragged import Array, Columns, length
from .config import DataConfig
from .links import frame_of_hit, ragged
from .reading.refusal import place

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]

MAX_LINKS = 2_500_000
"""Candidate links of the frames that are treated together: below 4 GB with what the network keeps of each, 1.1 kB as measured."""


@dataclass(frozen=True)
class Graph:
    """Candidate links of H hits, E links in all, in the order of their deep hits.

    Attributes:
        deep, shallow: hits of each link, int64 (E,), indices among the H hits; `shallow` is nearer to the beam.
        before, after: links that continue link e towards the beam and away from it, the straightest
            first, int64 (E, K), -1 where there are fewer.
        before_angle, after_angle: deflection between the two, rad, float32 (E, K), 0 where there is none.
    """

    deep: Ints
    shallow: Ints
    before: Ints
    before_angle: Floats
    after: Ints
    after_angle: Floats


def candidate_links(examples: Columns, options: DataConfig) -> tuple[Ints, Ints]:
    """Return the hits (deep, shallow) of all links between neighbouring layers within the angle cuts.

    A link makes an angle with the beam axis below `max_front_angle` between the first three layers,
    below `max_angle` elsewhere, as in arXiv:2407.13420, and is at most `max_step` wide. Neighbouring
    layers are those of a frame that follow one another, at most `1 + skip_layers` apart: a layer without
    any hit is left out.

    Raises:
        InputError: there are more than MAX_LINKS of them.
    """
    layer = ragged(examples, "layer")
    x, y, z = (ragged(examples, name).flat.astype(np.float64) for name in "xyz")
    starts = layer_starts(layer.flat, frame_of_hit(examples))
    order = np.lexsort((x, np.repeat(np.arange(len(starts) - 1), np.diff(starts))))
    pairs = _neighbouring(layer.flat, frame_of_hit(examples), starts, 1 + options.skip_layers)
    first = starts[pairs]
    tangents = np.tan(np.where(layer.flat[first[:, 1]] < 3, options.max_front_angle, options.max_angle))
    if options.max_step is not None:
        tangents = np.minimum(tangents, options.max_step / (z[first[:, 1]] - z[first[:, 0]]))
    counts = np.zeros(len(x) + 1, dtype=np.int64)
    _count(x, y, z, order, starts, pairs, tangents, counts)
    total = int(counts.sum())
    if total > MAX_LINKS:
        where = place(examples, int(np.argmax(ragged(examples, "x").counts)))
        raise InputError(
            f"Frame of {where}: {length(examples)} frame(s) of together {len(x)} hits make {total} candidate links; more than "
            f"{MAX_LINKS} do not fit into memory: take smaller frames (--protons-per-frame, --frame-time) or angles (data.max_angle).")
    free = np.zeros(len(x) + 1, dtype=np.int64)
    np.cumsum(counts[:-1], out=free[1:])
    deep, shallow = np.empty(total, dtype=np.int64), np.empty(total, dtype=np.int64)
    _fill(x, y, z, order, starts, pairs, tangents, free[:-1].copy(), deep, shallow)
    return deep, shallow


def layer_starts(layer: NDArray[np.int16], frame: Ints) -> Ints:
    """Return where each layer of each frame starts among the hits, and their number at the end."""
    if not len(layer):
        return np.zeros(1, dtype=np.int64)
    new = np.flatnonzero((np.diff(layer) != 0) | (np.diff(frame) != 0)) + 1
    return np.concatenate([[0], new, [len(layer)]]).astype(np.int64)


def build_graph(examples: Columns, options: DataConfig, neighbours: int) -> Graph:
    """Return the candidate links with their straightest continuations on either side."""
    deep, shallow = candidate_links(examples, options)
    x, y, z = (ragged(examples, name).flat.astype(np.float64) for name in "xyz")
    by_shallow = np.argsort(shallow, kind="stable")
    first_deep = _offsets(deep, len(x))
    first_shallow = _offsets(shallow, len(x))
    shape = (len(deep), neighbours)
    before, after = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    before_angle, after_angle = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32)
    direction = _directions(x, y, z, deep, shallow)
    identity = np.arange(len(deep))
    _straightest(shallow, first_deep, identity, direction, before, before_angle)
    _straightest(deep, first_shallow, by_shallow, direction, after, after_angle)
    return Graph(deep, shallow, before, before_angle, after, after_angle)


def true_links(examples: Columns, skip_layers: int) -> Ints:
    """Return for each hit the one before it of the same particle, int64 (H,), -1 for none.

    The hit before is in the nearest layer that has one of the particle, at most `1 + skip_layers` away.
    """
    particle, layer = ragged(examples, "particle").flat, ragged(examples, "layer").flat.astype(np.int64)
    frame = frame_of_hit(examples)
    order = np.lexsort((np.arange(len(layer)), layer, particle, frame))
    previous = np.full(len(layer), -1, dtype=np.int64)
    same = (np.diff(frame[order]) == 0) & (np.diff(particle[order]) == 0) & (particle[order][1:] >= 0)
    step = np.diff(layer[order])
    reached = same & (step >= 1) & (step <= 1 + skip_layers)
    previous[order[1:][reached]] = order[:-1][reached]
    return previous


@dataclass(frozen=True)
class Triplets:
    """All pairs of links that share a hit, in the middle.

    Attributes:
        before, after: links, int64 (T,); the deep hit of `before` is the shallow one of `after`.
        angle: deflection between them, rad, float32 (T,).
    """

    before: Ints
    after: Ints
    angle: Floats


def all_triplets(examples: Columns, deep: Ints, shallow: Ints) -> Triplets:
    """Return all pairs of links that continue each other; their number grows with the square of the density."""
    x, y, z = (ragged(examples, name).flat.astype(np.float64) for name in "xyz")
    first = _offsets(deep, len(x))
    counts = np.diff(first)[shallow]
    after = np.repeat(np.arange(len(deep)), counts)
    place = np.arange(len(after)) - np.repeat(np.cumsum(counts) - counts, counts)
    before = np.repeat(first[shallow], counts) + place
    direction = _directions(x, y, z, deep, shallow)
    cosine = np.einsum("ti,ti->t", direction[before], direction[after])
    return Triplets(before, after, np.arccos(np.minimum(cosine, 1.0)).astype(np.float32))


def _directions(x: Array, y: Array, z: Array, deep: Ints, shallow: Ints) -> Array:
    direction = np.stack([x[deep] - x[shallow], y[deep] - y[shallow], z[deep] - z[shallow]], 1)
    unit: Array = direction / np.linalg.norm(direction, axis=1, keepdims=True)
    return unit


def _offsets(owner: Ints, n: int) -> Ints:
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(np.bincount(owner, minlength=n), out=offsets[1:])
    return offsets


def _neighbouring(layer: NDArray[np.int16], frame: Ints, starts: Ints, reach: int) -> Ints:
    """Return pairs (shallow, deep) of indices into `starts` of neighbouring layers, int64 (P, 2)."""
    if len(starts) < 3:
        return np.zeros((0, 2), dtype=np.int64)
    first = starts[:-1]
    shallow = np.arange(len(first) - 1)
    step = layer[first[1:]].astype(np.int64) - layer[first[:-1]]
    chosen = (frame[first[1:]] == frame[first[:-1]]) & (step >= 1) & (step <= reach)
    return np.stack([shallow[chosen], shallow[chosen] + 1], 1)


@njit(cache=True, nogil=True)
def _count(x: Array, y: Array, z: Array, order: Array, starts: Array, pairs: Array, tangents: Array, counts: Array) -> None:
    """Add to `counts` how many links each deep hit has; hits of a layer are visited by rising x."""
    for p in range(len(pairs)):
        low, high = starts[pairs[p, 0]], starts[pairs[p, 0] + 1]
        begin = low
        for i in range(starts[pairs[p, 1]], starts[pairs[p, 1] + 1]):
            d = order[i]
            reach = _reach(z, order[low], d, tangents[p])
            while begin < high and x[order[begin]] < x[d] - reach:
                begin += 1
            for j in range(begin, high):
                s = order[j]
                if x[s] > x[d] + reach:
                    break
                counts[d] += _within(x, y, z, d, s, tangents[p])


@njit(cache=True, nogil=True)
def _fill(x: Array, y: Array, z: Array, order: Array, starts: Array, pairs: Array, tangents: Array,
          free: Array, deep: Array, shallow: Array) -> None:
    """Write the links that `_count` counted, those of hit d from `free[d]` on."""
    for p in range(len(pairs)):
        low, high = starts[pairs[p, 0]], starts[pairs[p, 0] + 1]
        begin = low
        for i in range(starts[pairs[p, 1]], starts[pairs[p, 1] + 1]):
            d = order[i]
            reach = _reach(z, order[low], d, tangents[p])
            while begin < high and x[order[begin]] < x[d] - reach:
                begin += 1
            for j in range(begin, high):
                s = order[j]
                if x[s] > x[d] + reach:
                    break
                if _within(x, y, z, d, s, tangents[p]):
                    deep[free[d]], shallow[free[d]] = d, s
                    free[d] += 1


@njit(cache=True, nogil=True)
def _reach(z: Array, first_shallow: int, d: int, tangent: float) -> float:
    # Sensors of one layer may lie at slightly different z; half a millimetre more costs nothing.
    return float(abs(z[d] - z[first_shallow]) + 0.5) * float(tangent)


@njit(cache=True, nogil=True)
def _within(x: Array, y: Array, z: Array, d: int, s: int, tangent: float) -> bool:
    dx, dy, reach = x[d] - x[s], y[d] - y[s], (z[d] - z[s]) * tangent
    return bool(dx * dx + dy * dy < reach * reach)


@njit(cache=True, nogil=True)
def _straightest(via: Array, first: Array, links: Array, direction: Array, found: Array, angles: Array) -> None:
    """Fill for each link e the straightest of `links[first[via[e]]:first[via[e] + 1]]`, and their angles."""
    k = found.shape[1]
    cosines = np.empty(k)
    for e in range(len(via)):
        n = 0
        for at in range(first[via[e]], first[via[e] + 1]):
            other = links[at]
            cosine = (direction[e, 0] * direction[other, 0] + direction[e, 1] * direction[other, 1]
                      + direction[e, 2] * direction[other, 2])
            place = n
            while place > 0 and cosines[place - 1] < cosine:
                place -= 1
            if place >= k:
                continue
            n = min(n + 1, k)
            for i in range(n - 1, place, -1):
                cosines[i] = cosines[i - 1]
                found[e, i] = found[e, i - 1]
            cosines[place] = cosine
            found[e, place] = other
        for i in range(n):
            angles[e, i] = np.arccos(min(1.0, cosines[i]))
