"""Beam spots of one readout frame, separated by where particles enter, if they lie well apart."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, Ragged, length, ragged
from .links import frame_of_hit

APART = 4.5
"""Distance of two spots in widths of one (1.4826 times the median absolute deviation) from which they are separated."""

BETWEEN = 0.12
"""Largest share of particles in the middle half of the way from one spot to the other; of a Gaussian that is cut in two it is 0.26."""

FEWEST, SMALLEST = 15, 0.15
"""Fewest particles of a spot, and smallest share of those that are cut in two: less is the tail of the other spot."""

GAUSSIAN = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""

Floats = NDArray[np.float64]


def spot_clusters(place: Floats, frame: Array, frames: int) -> tuple[Array, Array]:
    """Return the number of each place's spot, all frames' spots numbered one after the other, and how many spots each frame has.

    A frame is cut in two across its longest axis, where the variance within the halves is least, and they again, as
    long as the halves are `APART` and little is `BETWEEN`. A frame has one spot at least.

    Args:
        place: mm, (N, 2).
        frame: of each place, rising, (N,).
        frames: their number.
    """
    starts = np.searchsorted(frame, np.arange(frames + 1))
    return _numbered(np.ascontiguousarray(place, dtype=np.float64), starts)


@njit(cache=True, nogil=True)
def _numbered(place: Floats, starts: Array) -> tuple[Array, Array]:
    spot, counts = np.zeros(len(place), dtype=np.int64), np.ones(len(starts) - 1, dtype=np.int64)
    total = 0
    for frame in range(len(starts) - 1):
        inside = spot[starts[frame] : starts[frame + 1]]
        counts[frame] = _split(place[starts[frame] : starts[frame + 1]], inside)
        inside += total
        total += counts[frame]
    return spot, counts


@njit(cache=True, nogil=True)
def _split(place: Floats, spot: Array) -> int:
    """Number the spots of one frame in `spot`, and return how many there are."""
    n, at = 1, 0
    while at < n:
        members = np.flatnonzero(spot == at)
        far = _far_side(place[members])
        if far.any():
            spot[members[far]] = n
            n += 1
        else:
            at += 1
    return n


@njit(cache=True, nogil=True)
def _far_side(place: Floats) -> NDArray[np.bool_]:
    """Return which places belong to a second spot, none if there is but one."""
    n = len(place)
    none = np.zeros(n, dtype=np.bool_)
    if n < 2 * FEWEST:
        return none
    x, y = place[:, 0] - place[:, 0].mean(), place[:, 1] - place[:, 1].mean()
    angle = 0.5 * np.arctan2(2 * (x * y).mean(), (x * x).mean() - (y * y).mean())
    along = np.cos(angle) * x + np.sin(angle) * y
    order = np.argsort(along)
    sums = np.cumsum(along[order])
    # Of k on the near side: the means of both sides, whose distance is largest, weighted, where the variance inside is least.
    fewest = max(FEWEST, int(SMALLEST * n))
    k = np.arange(fewest, n - fewest + 1)
    near, rest = sums[k - 1] / k, (sums[-1] - sums[k - 1]) / (n - k)
    cut = k[np.argmax(k * (n - k) * (rest - near) ** 2)]
    one, other = along[order[:cut]], along[order[cut:]]
    first, second = np.median(one), np.median(other)
    width = GAUSSIAN * np.median(np.concatenate((np.abs(one - first), np.abs(other - second))))
    distance = second - first
    between = (np.abs(along - 0.5 * (first + second)) < 0.25 * distance).mean()
    if distance >= APART * width and between <= BETWEEN:
        none[order[cut:]] = True
    return none


def spot_of_hit(examples: Columns) -> Array:
    """Return the number of each hit's spot, (H,): that of its frame where frames have one spot, as files may say.

    Spots are those of the hits in each frame's first layer, one of every particle; a hit belongs to the spot whose centre is nearest.
    """
    frame, layer = frame_of_hit(examples), ragged(examples, "layer")
    if _one_spot(examples):
        return frame
    # Hits of a frame are sorted by layer.
    front = layer.flat == layer.flat[layer.offsets[:-1][frame]]
    place = np.stack([ragged(examples, name).flat for name in "xy"], -1).astype(np.float64)
    spot, counts = spot_clusters(place[front], frame[front], length(examples))
    if (counts == 1).all():
        return frame
    centres = np.stack([np.bincount(spot, values, counts.sum()) for values in place[front].T], -1) / np.maximum(np.bincount(spot, minlength=counts.sum()), 1)[:, None]
    return nearest_spot(place, frame, Ragged.from_counts(centres, counts))


def nearest_spot(place: Floats, frame: Array, spots: Ragged) -> Array:
    """Return which of all spots, one frame's after the other, is the nearest of its frame to each place, (N,).

    Args:
        place: mm, (N, 2).
        spots: positions of each frame's spots, mm, (S, 2) in all; one at least.
    """
    nearest = spots.offsets[frame]
    distance = np.linalg.norm(place - spots.flat[nearest], axis=-1)
    for further in range(1, int(spots.counts.max(initial=1))):
        other = np.flatnonzero(spots.counts[frame] > further)
        away = np.linalg.norm(place[other] - spots.flat[spots.offsets[frame[other]] + further], axis=-1)
        closer = away < distance[other]
        nearest[other[closer]], distance[other[closer]] = spots.offsets[frame[other[closer]]] + further, away[closer]
    return nearest


def _one_spot(examples: Columns) -> bool:
    """Return whether the file gives the one spot of every frame."""
    given, spots = examples.get("spot_given"), examples.get("spots_x")
    return given is not None and bool(np.all(np.asarray(given))) and not (isinstance(spots, Ragged) and (spots.counts > 1).any())
