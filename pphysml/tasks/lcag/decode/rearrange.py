"""Exact choice of the best arrangement of a small region of a forest, all else held fixed."""

from __future__ import annotations

import numpy as np
from numba import njit

from .exact import best_split, highest
from .exact_forest import lowest_leaf
from .linked_trees import (
    NEVER,
    Forest,
    highest_child,
    link,
    refresh,
    refresh_tables,
    spare_node,
    unlink,
)
from .move_subtrees import fill_outside
from .regions import LARGEST, Tables, choose_parts, fill_tables
from .vector_kernel import ANY, LANES, LOWER, ONE, SOME


@njit(cache=True, nogil=True)
def _present_value(f: Forest, t: Tables, top: int, count: int, classes: int, gap_free: bool) -> float:
    """Return the score of the region as it is."""
    n, root = len(f.cost), len(f.parent) - 1
    value = 0.0
    for k in range(count):
        v = t.parts[k]
        if v < n and f.parent[v] != root:
            value += f.cost[v]
    if not gap_free:
        return float(value + _free_value(f, top, classes))
    # Nodes of the region are the ancestors of its parts; each is counted from its first child.
    if top == root:
        value += f.own[root, 0]
    else:
        value += f.own[top, f.height[top]]
    for k in range(count):
        v = t.parts[k]
        while v != top and f.left[v] < 0 and f.parent[v] != top:
            v = f.parent[v]
            value += f.own[v, f.height[v]]
    return float(value)


@njit(cache=True, nogil=True)
def _free_value(f: Forest, top: int, classes: int) -> float:
    root = len(f.parent) - 1
    if top == root:
        value, c = f.own[root, 0], f.child[root]
        while c >= 0:
            value += f.inner[c, classes - 1]
            c = f.right[c]
        return float(value)
    best = NEVER
    for h in range(1, classes):
        best = max(best, f.own[top, h] + f.below[top, h] + f.outside[top, h])
    return float(best)


@njit(cache=True, nogil=True)
def _fill_path(f: Forest, top: int, classes: int, gap_free: bool) -> None:
    """Fill `outside` of `top` and of its ancestors, for a region of the same leaves as before."""
    root, depth, v = len(f.parent) - 1, 0, top
    f.cross[root] = 0.0
    while v != root:
        f.cross[v] = 0.0
        f.order[depth] = v
        depth, v = depth + 1, f.parent[v]
    for q in range(depth - 1, -1, -1):
        v = f.order[q]
        fill_outside(f, v, highest_child(f, f.parent[v], v) + 1, classes, gap_free)


@njit(cache=True, nogil=True)
def _dissolve(f: Forest, t: Tables, top: int, count: int) -> None:
    for k in range(count):
        v = t.parts[k]
        while v != top:
            p = f.parent[v]
            unlink(f, v)
            if f.child[p] >= 0:
                break
            v = p


@njit(cache=True, nogil=True)
def _build(f: Forest, t: Tables, top: int, count: int, height: int, classes: int, gap_free: bool) -> None:
    """Link the parts as the tables say; `top` gets the height `height`, 0 for the common root."""
    sets = np.empty(2 * LARGEST, dtype=np.uint64)
    made = np.empty(2 * LARGEST, dtype=np.int64)
    sets[0], made[0], built = np.uint64((1 << count) - 1), top, 1
    f.height[top] = height
    at = 0
    while at < built:
        node, s, h = made[at], sets[at], f.height[made[at]]
        f.own[node] = t.within[s]
        state, whole = SOME, h == 0
        while s:
            block, kind, state, _ = best_split(t.blocks, t.rests, s, h, state, whole)
            whole = True
            s ^= block
            for g in range(LANES):
                f.own[node, g] -= t.within[block, g]
            if not block & (block - ONE):
                link(f, t.parts[lowest_leaf(block)], node)
                continue
            new = spare_node(f)
            link(f, new, node)
            f.height[new] = h - 1
            if h == 0 or kind == LOWER or not gap_free:
                limit = classes if h == 0 else h - 1 if gap_free else h
                f.height[new] = highest(t.nodes, block, limit)[0]
            sets[built], made[built] = block, new
            built += 1
        at += 1
    if not gap_free:
        for q in range(built - 1, 0, -1):
            refresh_tables(f, made[q], classes)
    if top < len(f.parent) - 1:
        f.height[top] = -1
        refresh(f, top, classes, gap_free)


@njit(cache=True, nogil=True)
def improve_region(f: Forest, t: Tables, top: int, least: float, classes: int, gap_free: bool) -> bool:
    """Arrange the region of `top` in the best way; return whether that gained more than `least`."""
    root = len(f.parent) - 1
    count = choose_parts(f, top, t.parts)
    if count < (2 if top == root else 3):
        return False
    _fill_path(f, top, classes, gap_free)
    fill_tables(f, t, count, classes, gap_free)
    present = _present_value(f, t, top, count, classes, gap_free)
    full, height, best = (1 << count) - 1, 0, NEVER
    if top == root:
        best = t.rests[full, ANY, 0] + t.within[full, 0]
    else:
        for h in range(1, classes):
            value = t.nodes[full, h] + f.outside[top, h]
            if value > best:
                best, height = value, h
    if best <= present + least:
        return False
    _dissolve(f, t, top, count)
    _build(f, t, top, count, height, classes, gap_free)
    return True
