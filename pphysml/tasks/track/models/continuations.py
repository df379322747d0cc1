"""Which links continue which: the straightest few of each, or all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Ragged

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Continuations:
    """The straightest continuations of E links, at most K on either side, the straightest first.

    Attributes:
        before, after: links that continue each one towards the beam and away from it, int64 (E, K), -1 where there are fewer.
        before_angle, after_angle: deflection between the two, rad, float32 (E, K), pi where there is none.
    """

    before: Ints
    before_angle: Floats
    after: Ints
    after_angle: Floats


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


def directions(position: Array, deep: Ints, shallow: Ints) -> Floats:
    """Return the unit vectors of links, float32 (E, 3), of the positions of hits (H, 3)."""
    unit: Floats = np.empty((len(deep), 3), dtype=np.float32)
    _directions(position, deep, shallow, unit)
    return unit


def straightest(direction: Floats, deep: Ints, shallow: Ints, n_hits: int, largest: int) -> Continuations:
    """Return at most `largest` continuations of each link on either side."""
    shape = (len(deep), largest)
    before, after = np.full(shape, -1, dtype=np.int64), np.full(shape, -1, dtype=np.int64)
    chords = [np.full(shape, 4, dtype=np.float32) for _ in range(2)]
    into, out_of = _order(deep, n_hits), _order(shallow, n_hits)
    _visit(direction, *into, *out_of, before, chords[0], after, chords[1])
    return Continuations(before, _angle(chords[0]), after, _angle(chords[1]))


def smallest_deflections(direction: Floats, deep: Ints, shallow: Ints, n_hits: int) -> tuple[Floats, Floats]:
    """Return the two smallest angles by which each link can be continued, before and after it, rad, (E, 2); pi for none.

    They are those of `straightest`, without saying of which links, in a third of the time.
    """
    into, first_into = _order(deep, n_hits)
    out_of, first_out = _order(shallow, n_hits)
    # Those that leave a hit lie side by side then, so that the inner loop is one of vector instructions.
    outwards = np.ascontiguousarray(direction[out_of].T)
    reordered, after = (np.full((2, len(deep)), 4, dtype=np.float32) for _ in range(2))
    _two_smallest(direction, into, first_into, outwards, first_out, reordered, after)
    before = np.empty_like(reordered)
    before[:, out_of] = reordered
    return _angle(before).T, _angle(after).T


def all_triplets(direction: Floats, deep: Ints, shallow: Ints, n_hits: int) -> Triplets:
    """Return all pairs of links that continue each other; their number grows with the square of the density."""
    order, offsets = _order(deep, n_hits)
    into = Ragged(order, offsets).take(shallow)
    before, after = into.flat, np.repeat(np.arange(len(deep)), into.counts)
    return Triplets(before, after, _angle(((direction[before] - direction[after]) ** 2).sum(1)))


def _angle(squared_chord: Floats) -> Floats:
    """Turn the squared distance of unit vectors, which is 4 where they are opposite, into the angle between them, in its place.

    Unlike the cosine, a distance keeps the digits of small angles.
    """
    angle = np.sqrt(squared_chord, out=squared_chord)
    angle /= 2
    np.minimum(angle, np.float32(1), out=angle)
    np.arcsin(angle, out=angle)
    angle *= 2
    return angle


def _order(hit: Ints, n_hits: int) -> tuple[Ints, Ints]:
    """Return the links ordered by one of their hits, and where those of each hit start."""
    offsets = np.zeros(n_hits + 1, dtype=np.int64)
    np.cumsum(np.bincount(hit, minlength=n_hits), out=offsets[1:])
    order = np.empty(len(hit), dtype=np.int64)
    _count_sort(hit, offsets[:-1].copy(), order)
    return order, offsets


@njit(cache=True, nogil=True, error_model="numpy")
def _directions(position: Array, deep: Array, shallow: Array, unit: Array) -> None:
    for e in range(len(deep)):
        d, s = deep[e], shallow[e]
        x, y, z = position[d, 0] - position[s, 0], position[d, 1] - position[s, 1], position[d, 2] - position[s, 2]
        length = np.sqrt(x * x + y * y + z * z)
        unit[e, 0], unit[e, 1], unit[e, 2] = x / length, y / length, z / length


@njit(cache=True, nogil=True)
def _count_sort(hit: Array, place: Array, order: Array) -> None:
    """Write each link to the next place of its hit; those of a hit stay in their order."""
    for e in range(len(hit)):
        order[place[hit[e]]] = e
        place[hit[e]] += 1


@njit(cache=True, nogil=True)
def _visit(direction: Array, into: Array, first_into: Array, out_of: Array, first_out: Array,
           before: Array, before_chord: Array, after: Array, after_chord: Array) -> None:
    """Offer every pair of links that share a hit to each other."""
    last = before.shape[1] - 1
    for hit in range(len(first_into) - 1):
        for i in range(first_into[hit], first_into[hit + 1]):
            e = into[i]
            x, y, z = direction[e, 0], direction[e, 1], direction[e, 2]
            for j in range(first_out[hit], first_out[hit + 1]):
                f = out_of[j]
                dx, dy, dz = direction[f, 0] - x, direction[f, 1] - y, direction[f, 2] - z
                chord = dx * dx + dy * dy + dz * dz
                if chord < after_chord[e, last]:
                    _insert(f, chord, e, after, after_chord)
                if chord < before_chord[f, last]:
                    _insert(e, chord, f, before, before_chord)


@njit(cache=True, nogil=True)
def _insert(link: int, chord: float, row: int, links: Array, chords: Array) -> None:
    """Put a link into its place of a row that is sorted by chord; what was last leaves."""
    place = links.shape[1] - 1
    while place > 0 and chords[row, place - 1] > chord:
        chords[row, place], links[row, place] = chords[row, place - 1], links[row, place - 1]
        place -= 1
    chords[row, place], links[row, place] = chord, link


@njit(cache=True, nogil=True, fastmath=True)
def _two_smallest(direction: Array, into: Array, first_into: Array, outwards: Array, first_out: Array, before: Array, after: Array) -> None:
    """Lower the two smallest squared chords of all links to what they are; without a branch, for the sake of speed.

    Args:
        direction: of each link, (E, 3).
        outwards: the same in the order of their shallow hits, (3, E).
        before: in the order of `outwards`, (2, E); after: in that of `direction`, (2, E).
    """
    chord = np.empty(len(direction), dtype=np.float32)
    for hit in range(len(first_into) - 1):
        low, n = first_out[hit], first_out[hit + 1] - first_out[hit]
        xs, ys, zs = outwards[0, low : low + n], outwards[1, low : low + n], outwards[2, low : low + n]
        best, second = before[0, low : low + n], before[1, low : low + n]
        for i in range(first_into[hit], first_into[hit + 1]):
            e = into[i]
            x, y, z = direction[e, 0], direction[e, 1], direction[e, 2]
            for j in range(n):
                dx, dy, dz = xs[j] - x, ys[j] - y, zs[j] - z
                c = dx * dx + dy * dy + dz * dz
                chord[j] = c
                second[j] = min(second[j], max(best[j], c))
                best[j] = min(best[j], c)
            least, next_least = after[0, e], after[1, e]
            for j in range(n):
                next_least = min(next_least, max(least, chord[j]))
                least = min(least, chord[j])
            after[0, e], after[1, e] = least, next_least
