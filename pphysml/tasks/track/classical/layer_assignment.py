"""Links by one assignment after the other: hits of a layer to hits of the next, from either side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from ....io.ragged import Array, Columns, ragged
from ..config.engines import DeflectionConfig, StraightConfig
from ..tracks.links import Links, dead_hits, frame_of_hit, layer_starts
from ..tracks.tracks import first_of_chain

Floats = NDArray[np.float64]


def straight_links(examples: Columns, options: StraightConfig) -> Links:
    """Link every hit straight down: the assignment of least transverse distance in each pair of layers.

    Links beyond the angle cuts of `options` are not made; one less costs as much as the cut.
    """
    x, layer = _positions(examples), ragged(examples, "layer").flat
    previous = np.full(len(layer), -1, dtype=np.int64)
    for shallow, deep in _neighbouring(examples):
        angle = options.max_front_angle if layer[deep[0]] < 3 else options.max_angle
        distance = np.linalg.norm(x[shallow, None, :2] - x[None, deep, :2], axis=2)
        one, two = _assign(distance, (x[deep[0], 2] - x[shallow[0], 2]) * np.tan(angle))
        previous[deep[two]] = shallow[one]
    return Links(previous, np.ones(len(previous), dtype=np.float32))


def deflection_links(examples: Columns, options: DeflectionConfig) -> Links:
    """Link by least squared deflection in each layer, a track's first link by its angle to the beam axis.

    Both directions combined: of the tracks of either, straightest per hit and longest first, each
    that has none of its hits used is taken; what is left of the others keeps its links.
    """
    if options.direction == "forward":
        previous = _forward(examples, options.max_angle)
    elif options.direction == "backward":
        previous = _backward(examples, options.max_angle)
    else:
        previous = _better(examples, _forward(examples, options.max_angle), _backward(examples, options.max_angle), options.max_angle)
    return Links(previous, np.ones(len(previous), dtype=np.float32))


def _positions(examples: Columns) -> Floats:
    return np.stack([ragged(examples, name).flat.astype(np.float64) for name in "xyz"], 1)


def _neighbouring(examples: Columns) -> Iterator[tuple[Array, Array]]:
    """Yield the hits of each layer and of the next one behind it that has hits, frame after frame; dead layers have none."""
    alive = np.flatnonzero(~dead_hits(examples)[1])
    layer, frame = ragged(examples, "layer").flat[alive], frame_of_hit(examples)[alive]
    starts = layer_starts(layer, frame)
    for k in range(len(starts) - 2):
        if frame[starts[k]] == frame[starts[k + 1]]:
            yield alive[starts[k] : starts[k + 1]], alive[starts[k + 1] : starts[k + 2]]


def _assign(cost: Floats, cut: float) -> tuple[Array, Array]:
    """Return rows and columns of the assignment that is cheapest if each unassigned row costs `cut`."""
    one, two = linear_sum_assignment(np.minimum(cost - cut, 0.0))
    kept = cost[one, two] < cut
    return one[kept], two[kept]


def _forward(examples: Columns, max_angle: float) -> Array:
    return _previous(_positions(examples), list(_neighbouring(examples)), np.tan(max_angle))


def _backward(examples: Columns, max_angle: float) -> Array:
    pairs = [(deep, shallow) for shallow, deep in _neighbouring(examples)][::-1]
    following = _previous(_positions(examples), pairs, np.tan(max_angle))
    previous = np.full(len(following), -1, dtype=np.int64)
    previous[following[following >= 0]] = np.flatnonzero(following >= 0)
    return previous


def _previous(x: Floats, pairs: list[tuple[Array, Array]], cut: float) -> Array:
    """Return the hit from which each was reached, when the pairs of layers are linked in their order."""
    previous = np.full(len(x), -1, dtype=np.int64)
    slope = np.zeros((len(x), 2))
    for near, far in pairs:
        links = (x[None, far, :2] - x[near, None, :2]) / (x[far[0], 2] - x[near[0], 2])
        one, two = _assign(((links - slope[near, None]) ** 2).sum(2), cut**2)
        previous[far[two]] = near[one]
        slope[far[two]] = links[one, two]
    return previous


def _better(examples: Columns, forward: Array, backward: Array, max_angle: float) -> Array:
    x, n = _positions(examples), len(forward)
    previous = np.stack([forward, backward])
    root = np.stack([first_of_chain(forward), first_of_chain(backward) + n])
    gain = np.stack([_straightness(x, links, np.tan(max_angle)) for links in previous])
    score = np.bincount(root.ravel(), gain.ravel(), minlength=2 * n)
    used = np.zeros(n, dtype=bool)
    best = np.full(n, -1, dtype=np.int64)
    members = np.argsort(root, axis=None, kind="stable")
    first = np.searchsorted(root.ravel()[members], np.arange(2 * n + 1))
    # One step per track: whether one can be taken depends on those before it.
    tracks = np.flatnonzero(score > 0.0)
    left = []
    for track in tracks[np.argsort(-score[tracks], kind="stable")]:
        of_track = members[first[track] : first[track + 1]]
        if used[of_track % n].any():
            left.append(of_track)
            continue
        used[of_track % n] = True
        best[of_track % n] = previous.ravel()[of_track]
    for of_track in left:
        free = of_track[~used[of_track % n]]
        before = previous.ravel()[free]
        kept = (before >= 0) & ~used[before]
        best[free[kept] % n] = before[kept]
        used[free[kept] % n] = used[before[kept]] = True
    return best


def _straightness(x: Floats, previous: Array, cut: float) -> Floats:
    """Return for each link 1 less its squared deflection over that of the cut, 0 where there is none."""
    linked = np.flatnonzero(previous >= 0)
    slope = np.zeros((len(x), 2))
    here = previous[linked]
    slope[linked] = (x[linked, :2] - x[here, :2]) / (x[linked, 2] - x[here, 2])[:, None]
    gain = np.zeros(len(x))
    gain[linked] = 1.0 - ((slope[linked] - slope[here]) ** 2).sum(1) / cut**2
    return gain

