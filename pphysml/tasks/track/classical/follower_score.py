"""What a link between two hits gains a track, in the compiled loops of the follower.

A track's score is the logarithm of a ratio of likelihoods: deflections as multiple scattering makes
them, over hits that have nothing to do with it. A hit at the edge of the search cone gains nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ....io.ragged import Array

MARGIN = 1.001
"""Windows are wider than the cone by this factor, so that rounding does not decide at the edge."""


X, Y, Z, LAYER, WIDTH, SLOPE_X, SLOPE_Y, SEED_WIDTH, LOG_DEDX = range(9)
"""Columns of the hits (H, 9), which are sorted by frame, layer and x: position, mm; layer; expected
deflection at the hit in x or in y, rad; slope that a track starting there should have, and the
width of that; logarithm of the energy loss. One array, since compiled code pays for each it is handed."""


class FollowerRules(NamedTuple):
    """The follower's options as compiled code takes them.

    Attributes:
        cone: largest deflection in widths.
        angle, seed_angle: largest deflection, and largest change of a seed from what is expected, rad.
        tail: degrees of freedom of the distribution of deflections.
        reward: gain of a hit without deflection.
        energy: weight of the square of a falling logarithm of the energy loss.
        missing, missing_cost: layers that a link may leave out, and what each costs.
        start_layers, late_cost: layers in which a track may start, and what each but the first costs.
        branches: paths of one seed that are followed at the same time.
    """

    cone: float
    angle: float
    seed_angle: float
    tail: float
    reward: float
    energy: float
    missing: int
    missing_cost: float
    start_layers: int
    late_cost: float
    branches: int


@njit(cache=True, nogil=True)
def misfit(square: float, tail: float) -> float:
    """Return minus the logarithm of Student's density in two dimensions, 0 at its centre.

    Its tail follows that of single scatters, which a Gaussian has not.

    Args:
        square: square of the deflection in widths.
        tail: degrees of freedom.
    """
    return float(0.5 * (tail + 2.0) * np.log1p(square / tail))


@njit(cache=True, nogil=True)
def direction(hits: Array, rules: FollowerRules, before: int, here: int, missing: int) -> tuple[float, float, float, float]:
    """Return expected slopes behind a hit, their width, and the largest difference; `before` is -1 at a start.

    The deflection between two links grows with the root of the layers that they cross together. Over a
    layer, the cone is as wide as leaves something to gain.
    """
    cone = rules.cone
    if missing > 0:
        left = max(0.0, rules.reward - rules.missing_cost * missing)
        cone = np.sqrt(rules.tail * np.expm1(2.0 * left / (rules.tail + 2.0)))
    if before < 0:
        width, largest = hits[here, SEED_WIDTH], rules.seed_angle
        return hits[here, SLOPE_X], hits[here, SLOPE_Y], width, min(largest, cone * width)
    dz = hits[here, Z] - hits[before, Z]
    crossed = hits[here, LAYER] - hits[before, LAYER] + 1 + missing
    width = hits[here, WIDTH] * np.sqrt(0.5 * crossed)
    return (hits[here, X] - hits[before, X]) / dz, (hits[here, Y] - hits[before, Y]) / dz, width, min(rules.angle, cone * width)


@njit(cache=True, nogil=True)
def link_gain(hits: Array, rules: FollowerRules, before: int, here: int, after: int) -> float:
    """Return what the link from `here` to `after` gains on a track that came from `before`, -1 at its start.

    Minus infinity stands for a link that is not allowed.
    """
    missing = int(hits[after, LAYER] - hits[here, LAYER]) - 1
    if missing < 0 or missing > rules.missing:
        return -np.inf
    slope_x, slope_y, width, largest = direction(hits, rules, before, here, missing)
    dz = hits[after, Z] - hits[here, Z]
    square = ((hits[after, X] - hits[here, X]) / dz - slope_x) ** 2 + ((hits[after, Y] - hits[here, Y]) / dz - slope_y) ** 2
    if square > largest**2:
        return -np.inf
    # Along a proton's track the energy loss rises, but for fluctuations.
    fall = min(0.0, hits[after, LOG_DEDX] - hits[here, LOG_DEDX])
    gain: float = rules.reward - misfit(square / width**2, rules.tail) - rules.energy * fall**2 - rules.missing_cost * missing
    if before < 0:
        gain -= rules.late_cost * hits[here, LAYER]
    return gain


@njit(cache=True, nogil=True)
def link_gains(hits: Array, rules: FollowerRules, previous: Array) -> Array:
    """Return the gain of the link in front of every hit, 0 where there is none, (H,)."""
    gains = np.zeros(len(previous))
    for hit in range(len(previous)):
        here = previous[hit]
        if here >= 0:
            gains[hit] = link_gain(hits, rules, previous[here], here, hit)
    return gains


@njit(cache=True, nogil=True)
def layers_of(hits: Array, begin: int, stop: int) -> Array:
    """Return the first hit of each layer of a frame, and the frame's end, int64 (layers + 1,)."""
    layers = int(hits[stop - 1, LAYER]) + 1
    start = np.zeros(layers + 1, dtype=np.int64)
    for hit in range(begin, stop):
        start[int(hits[hit, LAYER]) + 1] += 1
    start[0] = begin
    for layer in range(layers):
        start[layer + 1] += start[layer]
    return start


@njit(cache=True, nogil=True)
def first_at(hits: Array, low: int, high: int, value: float) -> int:
    """Return the first of the hits low:high, which are sorted by x, whose x is not below a value; `high` if all are."""
    while low < high:
        middle = (low + high) // 2
        if hits[middle, X] < value:
            low = middle + 1
        else:
            high = middle
    return low
