"""Bounded search for large events: a beam of forests that are merged to a tree two at a time."""

from __future__ import annotations

import numpy as np
from numba import njit

from ....io.ragged import Array


@njit(cache=True, nogil=True)
def _best_from(cross: Array, other: Array, lowest: int) -> float:
    """Return the best summed score of two sets of pairs at one height, `lowest` or above."""
    best: float = -np.inf
    for h in range(lowest, len(cross)):
        summed: float = cross[h] + other[h]
        if summed > best:
            best = summed
    return best


@njit(cache=True, nogil=True)
def _gain(cross: Array, bound: Array, height: Array, blocks: Array, a: int, b: int, h: int) -> float:
    """Return the change of a forest's bound when blocks a and b are merged at height h.

    A forest's bound is the score of what is merged, and for every pair of blocks the best that
    the pairs between them can still reach.
    """
    change = cross[a, b, h] - bound[a, b]
    for c in blocks:
        if c != a and c != b:
            change += _best_from(cross[a, c], cross[b, c], max(h, height[c], 1)) - bound[a, c] - bound[b, c]
    return float(change)


@njit(cache=True, nogil=True)
def _merge(label: Array, cross: Array, bound: Array, height: Array, matrix: Array, a: int, b: int, h: int) -> None:
    """Merge block b into block a at height h."""
    n = len(label)
    for i in range(n):
        for j in range(n):
            if label[i] == a and label[j] == b:
                matrix[i, j] = matrix[j, i] = h
    for i in range(n):
        if label[i] == b:
            label[i] = a
    height[a] = h
    for c in range(n):
        if label[c] == c and c != a:
            for g in range(cross.shape[2]):
                cross[a, c, g] += cross[b, c, g]
                cross[c, a, g] = cross[a, c, g]
            bound[a, c] = bound[c, a] = _best_from(
                cross[a, c], np.zeros(cross.shape[2]), max(h, height[c], 1))


@njit(cache=True, nogil=True)
def _fingerprint(label: Array, keys: Array, a: int, b: int, h: int) -> np.uint64:
    """Return what a merge adds to the fingerprint of a forest: random keys of its pairs and height."""
    added = np.uint64(0)
    for i in range(len(label)):
        for j in range(len(label)):
            if label[i] == a and label[j] == b:
                added += keys[min(i, j), max(i, j), h]
    return added


@njit(cache=True, nogil=True)
def _candidates(live: int, label: Array, cross: Array, bound: Array, height: Array, value: Array, values: Array, moves: Array) -> int:
    """List all merges of all forests: a new node over both, or b put under, or fused with, a."""
    n, top, found = label.shape[1], cross.shape[3] - 1, 0
    for w in range(live):
        blocks = np.flatnonzero(label[w] == np.arange(n))
        for x in range(len(blocks)):
            for y in range(x):
                a, b = blocks[y], blocks[x]
                highest = max(height[w, a], height[w, b])
                for h in range(max(highest, 1), min(highest + 1, top) + 1):
                    values[found] = value[w] + _gain(cross[w], bound[w], height[w], blocks, a, b, h)
                    moves[found, 0], moves[found, 1], moves[found, 2], moves[found, 3] = w, a, b, h
                    found += 1
    return found


@njit(cache=True, nogil=True)
def _search(pairs: Array, keys: Array, width: int, matrix: Array) -> tuple[float, float]:
    """Write the best tree found to `matrix`; return its score and its lead."""
    n, classes = pairs.shape[0], pairs.shape[2]
    label, height = np.zeros((2, width, n), dtype=np.int64), np.zeros((2, width, n), dtype=np.int64)
    cross, bound = np.zeros((2, width, n, n, classes)), np.zeros((2, width, n, n))
    merged = np.zeros((2, width, n, n), dtype=np.uint8)
    value, prints = np.zeros((2, width)), np.zeros((2, width), dtype=np.uint64)
    values = np.empty(width * n * (n - 1))
    moves = np.empty((len(values), 4), dtype=np.int64)
    label[0, 0] = np.arange(n)
    none = np.zeros(classes)
    for i in range(n):
        for j in range(i + 1, n):
            cross[0, 0, i, j] = cross[0, 0, j, i] = pairs[i, j]
            bound[0, 0, i, j] = bound[0, 0, j, i] = _best_from(cross[0, 0, i, j], none, 1)
            value[0, 0] += bound[0, 0, i, j]
    live, old = 1, 0
    for _ in range(n - 1):
        new, kept = 1 - old, 0
        found = _candidates(live, label[old], cross[old], bound[old], height[old], value[old], values, moves)
        for k in np.argsort(-values[:found]):
            w, a, b, h = moves[k]
            mark = prints[old, w] + _fingerprint(label[old, w], keys, a, b, h)
            if (prints[new, :kept] == mark).any():
                continue
            label[new, kept], height[new, kept] = label[old, w], height[old, w]
            cross[new, kept], bound[new, kept] = cross[old, w], bound[old, w]
            merged[new, kept] = merged[old, w]
            _merge(label[new, kept], cross[new, kept], bound[new, kept], height[new, kept], merged[new, kept], a, b, h)
            value[new, kept], prints[new, kept] = values[k], mark
            kept += 1
            if kept == width:
                break
        live, old = kept, new
    matrix[:] = merged[old, 0]
    return value[old, 0], value[old, 0] - value[old, 1] if live > 1 else np.nan


@njit(cache=True, nogil=True)
def _search_all(pairs: Array, keys: Array, width: int, matrix: Array, score: Array, margin: Array) -> None:
    for event in range(len(pairs)):
        score[event], margin[event] = _search(pairs[event], keys, width, matrix[event])


def search_batch(pairs: Array, width: int, matrix: Array, score: Array, margin: Array) -> None:
    """Search events of n >= 2 leaves one after the other; arguments as in `exact.decode_batch`.

    A tree of n leaves is n - 1 merges of two blocks: at one above the higher, or at the height of
    the higher, which gains a child. Forests that were reached in different ways are kept once.
    """
    n, classes = pairs.shape[1], pairs.shape[3]
    keys = np.random.default_rng(1).integers(0, 2**64, size=(n, n, classes), dtype=np.uint64)
    _search_all(pairs, keys, width, matrix, score, margin)
    if n == 2:
        margin[:] = np.inf
