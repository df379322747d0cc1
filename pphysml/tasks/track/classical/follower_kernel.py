"""Compiled loops of the follower: paths from every seed, the best of all first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from ....io.ragged import Array
from .follower_score import (
    LAYER,
    MARGIN,
    FollowerRules,
    X,
    Y,
    Z,
    direction,
    first_at,
    layers_of,
    link_gain,
)


class Paths(NamedTuple):
    """Paths of one seed as a tree; the nodes of a layer are sorted by falling score.

    Attributes:
        hit, parent, score: of each node.
        child: largest gain of its links to the next layer.
        first: first node of each layer, and the end.
    """

    hit: Array
    parent: Array
    score: Array
    child: Array
    first: Array


@njit(cache=True, nogil=True)
def follow(hits: Array, rules: FollowerRules, offsets: Array) -> Array:
    """Return the previous hit of each, int64 (H,), -1 for none; hits are used once, the best tracks first."""
    used = np.zeros(len(hits), dtype=np.bool_)
    previous = np.full(len(hits), -1, dtype=np.int64)
    for frame in range(len(offsets) - 1):
        if offsets[frame + 1] > offsets[frame]:
            _follow_frame(hits, rules, layers_of(hits, offsets[frame], offsets[frame + 1]), used, previous)
    return previous


@njit(cache=True, nogil=True)
def _follow_frame(hits: Array, rules: FollowerRules, start: Array, used: Array, previous: Array) -> None:
    layers = len(start) - 1
    seeds = start[min(rules.start_layers, layers)] - start[0]
    tree = _room(rules, start)
    found = np.full((seeds, layers), -1, dtype=np.int64)
    score = np.empty(seeds)
    for seed in range(seeds):
        score[seed] = _grow(hits, rules, used, tree, start, start[0] + seed, found[seed])
    while seeds:
        best = np.argmax(score)
        if score[best] <= 0.0:
            break
        # The score of a path that lost a hit can only fall: it is looked for again when its turn comes.
        if not used[found[best][found[best] >= 0]].any():
            _take(used, previous, found[best])
            score[best] = -np.inf
        else:
            score[best] = _grow(hits, rules, used, tree, start, start[0] + best, found[best])


@njit(cache=True, nogil=True)
def _room(rules: FollowerRules, start: Array) -> Paths:
    layers = len(start) - 1
    most = 0
    for layer in range(layers):
        most = max(most, start[layer + 1] - start[layer])
    nodes = 1 + most * (1 + rules.missing) + rules.branches * layers
    return Paths(np.empty(nodes, dtype=np.int64), np.empty(nodes, dtype=np.int64), np.empty(nodes), np.empty(nodes), np.zeros(layers + 1, dtype=np.int64))


@njit(cache=True, nogil=True)
def _take(used: Array, previous: Array, path: Array) -> None:
    """Use the hits of a path, which is filled from its last hit to its first."""
    for step in range(len(path)):
        if path[step] < 0:
            break
        used[path[step]] = True
        if step > 0:
            previous[path[step - 1]] = path[step]


@njit(cache=True, nogil=True)
def _grow(hits: Array, rules: FollowerRules, used: Array, tree: Paths, start: Array, seed: int, path: Array) -> float:
    """Find the best path from a hit through unused ones, fill it in from its end, and return its score."""
    path[:] = -1
    if used[seed]:
        return -np.inf
    own = int(hits[seed, LAYER])
    tree.hit[0], tree.parent[0], tree.score[0], tree.child[0] = seed, -1, 0.0, -np.inf
    tree.first[own], tree.first[own + 1] = 0, 1
    best, last = 0, own
    for layer in range(own + 1, len(start) - 1):
        if layer - last > 1 + rules.missing:
            break
        first = tree.first[layer]
        end = first
        # Nothing separates the seeds of one hit before the third layer.
        room = start[layer + 1] - start[layer] if layer <= own + 1 + rules.missing else rules.branches
        for source in range(max(own, layer - 1 - rules.missing), layer):
            most = rules.reward - rules.missing_cost * (layer - source - 1)
            for node in range(tree.first[source], tree.first[source + 1]):
                # Over a layer only where that may gain more than the way through it.
                if tree.child[node] < most:
                    end = _extend(hits, rules, used, tree, node, start[layer], start[layer + 1], first, end, first + room)
        tree.first[layer + 1] = end
        if end > first:
            last = layer
            if best == 0 or tree.score[first] > tree.score[best]:
                best = first
    _trace(tree, best, path)
    return float(tree.score[best])


@njit(cache=True, nogil=True)
def _trace(tree: Paths, node: int, path: Array) -> None:
    step = 0
    while node >= 0:
        path[step] = tree.hit[node]
        node = tree.parent[node]
        step += 1


@njit(cache=True, nogil=True)
def _extend(
    hits: Array, rules: FollowerRules, used: Array, tree: Paths, node: int, low: int, high: int, first: int, end: int, limit: int
) -> int:
    """Add what continues a node among the hits low:high to the nodes first:end of their layer; return the new end."""
    if low == high:
        return end
    here, before = tree.hit[node], -1
    if tree.parent[node] >= 0:
        before = tree.hit[tree.parent[node]]
    slope_x, slope_y, _, largest = direction(hits, rules, before, here, int(hits[low, LAYER] - hits[here, LAYER]) - 1)
    dz = hits[low, Z] - hits[here, Z]
    x, y, reach = hits[here, X] + slope_x * dz, hits[here, Y] + slope_y * dz, MARGIN * largest * dz
    for hit in range(first_at(hits, low, high, x - reach), high):
        if hits[hit, X] > x + reach:
            break
        if not used[hit] and abs(hits[hit, Y] - y) <= reach:
            gain = link_gain(hits, rules, before, here, hit)
            if gain > -np.inf:
                tree.child[node] = max(tree.child[node], gain)
                end = _insert(tree, first, end, limit, hit, node, tree.score[node] + gain)
    return end


@njit(cache=True, nogil=True)
def _insert(tree: Paths, first: int, end: int, limit: int, hit: int, parent: int, score: float) -> int:
    """Sort a node into first:end, of which the worst makes room at the limit; return the new end."""
    if end == limit:
        if tree.score[end - 1] >= score:
            return end
        end -= 1
    at = end
    while at > first and tree.score[at - 1] < score:
        tree.hit[at], tree.parent[at], tree.score[at], tree.child[at] = tree.hit[at - 1], tree.parent[at - 1], tree.score[at - 1], -np.inf
        at -= 1
    tree.hit[at], tree.parent[at], tree.score[at], tree.child[at] = hit, parent, score, -np.inf
    return end + 1
