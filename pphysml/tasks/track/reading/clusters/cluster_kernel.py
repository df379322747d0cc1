"""Compiled search for deposits in one sensor whose pixels touch: charge shared on a grid, fired pixels joined."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from .....io.ragged import Array
from .hits import POWER

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REACH = 3.0
"""Radii of a deposit at which its signal ends, where it is 3 % of the threshold."""

NEAR = 1.5
"""Two deposits are looked at together if they are nearer than so many times the sum of their radii, and two diagonals of a pixel."""


class Pitch(NamedTuple):
    """Distances of the pixels, mm."""

    x: float
    y: float


@njit(cache=True, nogil=True)
def join_deposits(x: Floats, y: Floats, radius: Floats, order: Ints, starts: Ints, pitch: Pitch) -> tuple[Array, Array]:
    r"""Return which deposits are one cluster, and how many pixels have fired in it.

    A deposit of radius R gives the pixel whose centre is at the distance r the signal
    :math:`(R^2 / r^2)^{1 / 0.65}`, in units of the threshold. That is E / E(r) if n ~ E^0.65 pixels of a
    deposit E are those within R. Signals of deposits are added, and a pixel fires from 1 on. Pixels that
    touch, by their corners too, are one cluster. A deposit whose own pixel has not fired belongs to a
    fired one that touches it.

    Args:
        x, y: mm, (N,).
        radius: such that the circle has the area of the pixels that the deposit alone fires, mm, (N,).
        order: deposits sorted by sensor, and there by x, (N,).
        starts: where each sensor begins in `order`, and N, (S + 1,).
        pitch: of the pixels.

    Returns:
        First deposit of each one's cluster, int64 (N,); pixels of the cluster at its first deposit, 0 for
        deposits that are alone, int32 (N,).
    """
    first = np.arange(len(x))
    pixels = np.zeros(len(x), dtype=np.int32)
    near = _near(x, y, radius, order, starts, 2.0 * np.hypot(pitch.x, pitch.y))
    sizes = np.zeros(len(x), dtype=np.int64)
    for i in range(len(x)):
        sizes[near[i]] += 1
    members = np.empty(len(x), dtype=np.int64)
    place = np.cumsum(sizes) - sizes
    for i in range(len(x)):
        members[place[near[i]]] = i
        place[near[i]] += 1
    for i in range(len(x)):
        if sizes[i] > 1:
            _join(members[place[i] - sizes[i] : place[i]], x, y, radius, pitch, first, pixels)
    return first, pixels


@njit(cache=True, nogil=True)
def _near(x: Floats, y: Floats, radius: Floats, order: Ints, starts: Ints, margin: float) -> Ints:
    """Return one of the deposits that each is near to, directly or through others, the same for all of them."""
    parent = np.arange(len(x))
    for s in range(len(starts) - 1):
        widest = 0.0
        for k in range(starts[s], starts[s + 1]):
            widest = max(widest, radius[order[k]])
        for k in range(starts[s], starts[s + 1]):
            i = order[k]
            for m in range(k + 1, starts[s + 1]):
                j = order[m]
                if x[j] - x[i] > NEAR * (radius[i] + widest) + margin:
                    break
                limit = NEAR * (radius[i] + radius[j]) + margin
                if (x[j] - x[i]) ** 2 + (y[j] - y[i]) ** 2 < limit * limit:
                    a, b = root(parent, i), root(parent, j)
                    parent[max(a, b)] = min(a, b)
    for i in range(len(x)):
        parent[i] = root(parent, i)
    return parent


@njit(cache=True, nogil=True)
def root(parent: Ints, i: int) -> int:
    """Return the representative of i, and shorten the way to it."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def _join(members: Ints, x: Floats, y: Floats, radius: Floats, pitch: Pitch, first: Ints, pixels: Array) -> None:
    """Join deposits that are near, as `join_deposits` says."""
    column, row = np.empty(len(members), dtype=np.int64), np.empty(len(members), dtype=np.int64)
    reach_x = reach_y = 1
    for m in range(len(members)):
        column[m], row[m] = np.floor(x[members[m]] / pitch.x), np.floor(y[members[m]] / pitch.y)
        reach_x = max(reach_x, int(REACH * radius[members[m]] / pitch.x) + 1)
        reach_y = max(reach_y, int(REACH * radius[members[m]] / pitch.y) + 1)
    # One more pixel on each side, so that neighbours need no look at the edge.
    low_x, low_y = column.min() - reach_x - 1, row.min() - reach_y - 1
    signal = np.zeros((column.max() + reach_x + 2 - low_x, row.max() + reach_y + 2 - low_y), dtype=np.float32)
    for m in range(len(members)):
        i = members[m]
        _share(signal, x[i] - low_x * pitch.x, y[i] - low_y * pitch.y, radius[i], pitch)
    label = np.full(signal.shape, -1, dtype=np.int32)
    waiting = np.empty(((signal >= 1.0).sum(), 2), dtype=np.int32)
    for m in range(len(members)):
        c, r = _fired(signal, column[m] - low_x, row[m] - low_y)
        if c < 0:
            continue
        if label[c, r] < 0:
            pixels[members[m]] = _fill(signal, label, waiting, c, r, members[m])
        first[members[m]] = label[c, r]
    _leave_alone(members, first, pixels)


@njit(cache=True, nogil=True)
def _share(signal: Array, x: float, y: float, radius: float, pitch: Pitch) -> None:
    """Add the signals of a deposit to all pixels within its reach."""
    square = radius * radius
    for c in range(int((x - REACH * radius) / pitch.x), int((x + REACH * radius) / pitch.x) + 1):
        dx = (c + 0.5) * pitch.x - x
        for r in range(int((y - REACH * radius) / pitch.y), int((y + REACH * radius) / pitch.y) + 1):
            distance = dx * dx + ((r + 0.5) * pitch.y - y) ** 2
            if distance < REACH * REACH * square:
                signal[c, r] += (square / max(distance, 1e-6 * square)) ** (1.0 / POWER)


@njit(cache=True, nogil=True)
def _fired(signal: Array, c: int, r: int) -> tuple[int, int]:
    """Return the pixel if it has fired, else that of its fired neighbours with the largest signal, else (-1, -1)."""
    if signal[c, r] >= 1.0:
        return c, r
    best, at = 1.0, (-1, -1)
    for i in range(c - 1, c + 2):
        for j in range(r - 1, r + 2):
            if signal[i, j] >= best:
                best, at = signal[i, j], (i, j)
    return at


@njit(cache=True, nogil=True)
def _fill(signal: Array, label: Array, waiting: Array, c: int, r: int, number: int) -> int:
    """Label the fired pixels that hang together with one, and return how many these are."""
    label[c, r] = number
    waiting[0, 0], waiting[0, 1] = c, r
    left, count = 1, 0
    while left > 0:
        left -= 1
        count += 1
        c, r = waiting[left]
        for i in range(c - 1, c + 2):
            for j in range(r - 1, r + 2):
                if signal[i, j] >= 1.0 and label[i, j] < 0:
                    label[i, j] = number
                    waiting[left, 0], waiting[left, 1] = i, j
                    left += 1
    return count


@njit(cache=True, nogil=True)
def _leave_alone(members: Ints, first: Ints, pixels: Array) -> None:
    """Forget the pixels of clusters with one deposit, whose size the law gives."""
    joined = 0
    for m in range(len(members)):
        if first[members[m]] != members[m]:
            joined += 1
    if joined == 0:
        for m in range(len(members)):
            pixels[members[m]] = 0
        return
    shared = np.zeros(len(members), dtype=np.bool_)
    for m in range(len(members)):
        if first[members[m]] != members[m]:
            shared[np.searchsorted(members, first[members[m]])] = True
    for m in range(len(members)):
        if not shared[m]:
            pixels[members[m]] = 0
