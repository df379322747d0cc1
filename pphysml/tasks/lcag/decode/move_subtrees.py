"""Take a subtree off a forest and put it back at the best of all places.

Every place costs a constant time: what the ancestors change is handed down from the root, for all
heights that the place can get (`Forest.outside`).
"""

from __future__ import annotations

from numba import njit

from ....io.ragged import Array
from .linked_trees import NEVER, Forest, link, refresh, spare_node, unlink, walk

INTO, ABOVE = 0, 1
"""A subtree becomes a child of a node, or the sibling of a node under a new node."""


@njit(cache=True, nogil=True)
def fill_cross(f: Forest, x: int, members: Array) -> int:
    """Fill `order` and `cross` for the subtree x, which is not linked; return the number of nodes."""
    n, root = len(f.cost), len(f.parent) - 1
    count = 0
    for q in range(walk(f, x)):
        if f.order[q] < n:
            members[count] = f.order[q]
            count += 1
    nodes = walk(f, root)
    for q in range(nodes):
        v = f.order[q]
        if v >= n:
            f.cross[v] = 0.0
            continue
        for h in range(f.own.shape[1]):
            f.cross[v, h] = f.pairs[members[0], v, h]
        for m in range(1, count):
            i = members[m]
            for h in range(f.own.shape[1]):
                f.cross[v, h] += f.pairs[i, v, h]
    for q in range(nodes - 1, 0, -1):
        v, p = f.order[q], f.parent[f.order[q]]
        for h in range(f.own.shape[1]):
            f.cross[p, h] += f.cross[v, h]
    return nodes


@njit(cache=True, nogil=True)
def _add_to_ancestors(f: Forest, v: int, below: int, sign: float) -> None:
    """Add the pairs of the moved subtree to `own` of v and its ancestors; `below` was there before."""
    while v >= 0:
        for h in range(f.own.shape[1]):
            met = f.cross[v, h]
            if below >= 0:
                met -= f.cross[below, h]
            f.own[v, h] += sign * met
        v, below = f.parent[v], v


@njit(cache=True, nogil=True)
def take_off(f: Forest, x: int, members: Array, classes: int, gap_free: bool) -> tuple[int, int, int]:
    """Take the subtree x off; return its place, as of `put`, and the number of nodes left."""
    root, p = len(f.parent) - 1, f.parent[x]
    unlink(f, x)
    place, kind, changed, below = p, INTO, p, -1
    lone = f.child[p]
    if p != root and f.right[lone] < 0:
        changed = f.parent[p]
        unlink(f, lone)
        unlink(f, p)
        link(f, lone, changed)
        place, kind, below = lone, ABOVE, lone
    nodes = fill_cross(f, x, members)
    _add_to_ancestors(f, changed, below, -1.0)
    refresh(f, changed, classes, gap_free)
    return place, kind, nodes


@njit(cache=True, nogil=True)
def put(f: Forest, x: int, place: int, kind: int, classes: int, gap_free: bool) -> None:
    """Put the subtree x, for which `cross` is filled, into the node `place` or above it."""
    if kind == INTO:
        node = place
    else:
        node = spare_node(f)
        link(f, node, f.parent[place])
        unlink(f, place)
        link(f, place, node)
        f.own[node] = 0.0
        f.cross[node] = f.cross[place]
        f.height[node] = 0
    link(f, x, node)
    _add_to_ancestors(f, node, -1, 1.0)
    refresh(f, node, classes, gap_free)


@njit(cache=True, nogil=True)
def fill_outside(f: Forest, v: int, others: int, classes: int, gap_free: bool) -> None:
    """Fill `outside` of v from that of its parent; `others`: the parent's least height."""
    root, p, top = len(f.parent) - 1, f.parent[v], classes - 1
    if p == root:
        change = f.cross[root, 0] - f.cross[v, 0]
        if not gap_free:
            change -= f.inner[v, top]
        for h in range(classes):
            f.outside[v, h] = change
        return
    f.outside[v, top] = NEVER
    if gap_free:
        now = f.own[p, f.height[p]]
        for h in range(top):
            k = max(others, h + 1)
            f.outside[v, h] = f.own[p, k] - now + f.cross[p, k] - f.cross[v, k] + f.outside[p, k]
        return
    for h in range(top - 1, -1, -1):
        k = h + 1
        value = f.outside[v, k]
        if f.inner[v, h] > NEVER:
            others_below = f.below[p, k] - f.inner[v, h]
            value = max(value, f.own[p, k] + others_below + f.cross[p, k] - f.cross[v, k] + f.outside[p, k])
        f.outside[v, h] = value


@njit(cache=True, nogil=True)
def _gain_into(f: Forest, v: int, x: int, classes: int, gap_free: bool) -> float:
    if gap_free:
        h = max(f.height[v], f.height[x] + 1)
        if h >= classes:
            return NEVER
        return f.own[v, h] - f.own[v, f.height[v]] + f.cross[v, h] + f.outside[v, h]  # type: ignore[no-any-return]
    gain = NEVER
    for h in range(1, classes):
        gain = max(gain, f.own[v, h] + f.below[v, h] + f.inner[x, h - 1] + f.cross[v, h] + f.outside[v, h])
    return gain


@njit(cache=True, nogil=True)
def _gain_above(f: Forest, v: int, x: int, classes: int, gap_free: bool) -> float:
    if gap_free:
        h = max(f.height[v], f.height[x]) + 1
        return f.cross[v, h] + f.outside[v, h] if h < classes else NEVER
    gain = NEVER
    for h in range(1, classes):
        gain = max(gain, f.inner[v, h - 1] + f.inner[x, h - 1] + f.cross[v, h] + f.outside[v, h])
    return gain


@njit(cache=True, nogil=True)
def best_place(
    f: Forest, x: int, nodes: int, place: int, kind: int, classes: int, gap_free: bool, one_tree: bool
) -> tuple[float, float, int, int]:
    """Return the gain of putting x at a given place, the best other gain, and where that is.

    `order` and `cross` must be filled for x. Gains are relative to the forest without x.
    """
    n, root = len(f.cost), len(f.parent) - 1
    stay, best, where, how = NEVER, NEVER, -1, INTO
    for q in range(nodes):
        v = f.order[q]
        joins = f.cost[x] if x < n else 0.0
        if v == root:
            if one_tree and f.child[root] >= 0:
                continue
            into = f.cross[root, 0]
            if not gap_free:
                into += f.inner[x, classes - 1]
            above = NEVER
        else:
            fill_outside(f, v, f.height[f.parent[v]], classes, gap_free)
            into = _gain_into(f, v, x, classes, gap_free) + joins if v >= n else NEVER
            if v < n and f.parent[v] == root:
                joins += f.cost[v]
            above = _gain_above(f, v, x, classes, gap_free) + joins
        for option in (INTO, ABOVE):
            gain = into if option == INTO else above
            if place == v and kind == option:
                stay = gain
            elif gain > best:
                best, where, how = gain, v, option
    return stay, best, where, how
