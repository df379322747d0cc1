"""Trees drawn with their probability: exp(score / temperature) / Z, exactly.

From the root down, each choice is drawn with its share of the sums of `partition`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from ....io.ragged import Array
from .exact_forest import lowest_leaf, sum_forests
from .pair_sums import add_pairs, set_level
from .partition import LOG_2, sum_trees, sum_wholes
from .vector_kernel import ANY, EXACT, LANES, LOWER, ONE, SOME


@njit(cache=True, nogil=True)
def _draw_height(rng: Any, heights: Array, limit: int) -> int:
    """Return a height below `limit`, drawn with weights exp(heights)."""
    top = heights[1:limit].max()
    left = rng.random() * np.exp(heights[1:limit] - top).sum()
    for h in range(1, limit):
        left -= math.exp(heights[h] - top)
        if left < 0:
            return h
    return int(1 + heights[1:limit].argmax())


@njit(cache=True, nogil=True)
def _split_weight(block: Array, block_e: Array, rest: Array, rest_e: Array, lot: Any, others: Any, k: int, then: int, h: int) -> tuple[float, float]:
    """Return mantissa and exponent of one choice: the block `lot`, of kind k, and the rest."""
    mantissa, exponent = float(block[lot, k, h]), float(block_e[lot, k, h])
    if others:
        mantissa, exponent = mantissa * rest[others, then, h], exponent + rest_e[others, then, h]
    return mantissa, exponent


@njit(cache=True, nogil=True)
def _draw_split(rng: Any, block: Array, block_e: Array, rest: Array, rest_e: Array, s: Any, h: int, state: int, whole: bool) -> tuple[Any, int, int]:
    """Return the block with the lowest leaf of S, its kind, and the state of the rest.

    The choices are those of `exact.best_split`. Three rounds over all of them: for the largest
    exponent, for the sum, and for the one that is drawn.
    """
    others = s & (s - ONE)
    largest, total, left = -np.inf, 0.0, 0.0
    for round_ in range(3):
        if round_ == 2:
            left = rng.random() * total
        remaining = others
        while remaining or whole:
            for k in (EXACT, LOWER):
                then = ANY if k == EXACT else state
                if not remaining and then == SOME:
                    continue  # the last chance of an exact block is this one
                m, e = _split_weight(block, block_e, rest, rest_e, s ^ remaining, remaining, k, then, h)
                if round_ == 0:
                    largest = max(largest, e)
                    continue
                weight = m * 2.0 ** max(e - largest, -200.0) if e > largest - 200.0 else 0.0
                if round_ == 1:
                    total += weight
                    continue
                left -= weight
                if left < 0 and weight > 0:
                    return s ^ remaining, k, then
            if not remaining:
                break
            remaining = (remaining - ONE) & others
    return s, EXACT, ANY


@njit(cache=True, nogil=True)
def _draw_tree(rng: Any, tables: tuple[Array, Array, Array, Array], heights: Array, gap_free: bool, classes: int, subset: Any, matrix: Array) -> None:
    """Write a tree on a set of leaves to `matrix` (n, n)."""
    block, block_e, rest, rest_e = tables
    n = len(matrix)
    stack, height = np.empty(n, dtype=np.uint64), np.empty(n, dtype=np.int64)
    stack[0], height[0], depth = subset, _draw_height(rng, heights[subset], classes), 1
    while depth:
        depth -= 1
        s, h = stack[depth], height[depth]
        set_level(matrix, s, h)
        state, whole = SOME, False
        while s:
            lot, kind, state = _draw_split(rng, block, block_e, rest, rest_e, s, h, state, whole)
            whole = True
            s ^= lot
            if lot & (lot - ONE):
                stack[depth], height[depth] = lot, h - 1
                if kind == LOWER or not gap_free:
                    height[depth] = _draw_height(rng, heights[lot], h - 1 if gap_free else h)
                depth += 1


@njit(cache=True, nogil=True)
def _draw_block(rng: Any, whole: Array, total: Array, s: Any) -> Any:
    """Return the block of a forest that holds the lowest leaf of S."""
    others = s & (s - ONE)
    rest, left = others, rng.random()
    while True:
        left -= math.exp(whole[s ^ rest] + total[rest] - total[s])
        if left < 0 or not rest:
            return s ^ rest
        rest = (rest - ONE) & others


@njit(cache=True, nogil=True)
def sample_batch(
    rng: Any, pairs: Array, clades: Array, leaves: Array, trees: Array, gap_free: bool, temperature: float,
    matrix: Array, background: Array, total: Array,
) -> None:
    """Draw one tree or forest per event and set `total` (B,) to log Z; shapes as in `exact.decode_batch`."""
    n, classes = pairs.shape[1], pairs.shape[3]
    scale = 1.0 / (temperature * LOG_2)
    within, heights = np.zeros((1 << n, LANES)), np.empty((1 << n, LANES))
    block, block_e, rest, rest_e = np.empty((4, 1 << n, 2, LANES), dtype=np.float32)
    whole, best, sums = np.zeros((3, 1 << n))
    full = np.uint64((1 << n) - 1)
    for event in range(len(pairs)):
        add_pairs(pairs[event], within)
        within *= scale
        sum_trees(within, clades[event], gap_free, scale, n, classes, block, block_e, rest, rest_e, whole, heights)
        tables = (block, block_e, rest, rest_e)
        if leaves.shape[1] == 0:
            total[event] = whole[full]
            _draw_tree(rng, tables, heights, gap_free, classes, full, matrix[event])
            continue
        sum_wholes(within, leaves[event], trees[event], temperature, whole)
        total[event] = sum_forests(whole, best, sums) + within[full, 0] * LOG_2
        s = full
        while s:
            lot = _draw_block(rng, whole, sums, s)
            if lot & (lot - ONE):
                _draw_tree(rng, tables, heights, gap_free, classes, lot, matrix[event])
            else:
                low = lowest_leaf(int(lot))
                # Of a leaf by itself, `whole` is the sum of the two things that it can be.
                background[event, low] = rng.random() < math.exp(leaves[event, low, 0] / temperature - whole[lot])
            s ^= lot
