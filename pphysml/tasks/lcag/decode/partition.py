"""Sum over all valid trees: the normalisation of tree probabilities.

The recursion of `exact` with (+, x) in the place of (max, +). The terms lie hundreds of orders of
magnitude apart, so a number is kept as mantissa * 2**exponent; see `vector_kernel.sum_splits`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ....io.ragged import Array
from .exact_forest import in_trees, lowest_leaf, sum_forests
from .pair_sums import add_pairs
from .vector_kernel import ANY, EXACT, LANES, LOWER, ONE, SOME, max_splits, sum_splits

LOG_2 = math.log(2.0)
ZERO = -1e9
"""Exponent of a number that stands for zero."""


@njit(cache=True, nogil=True)
def _scaled(mantissa: float, exponent: float, log2_factor: float) -> tuple[float, float]:
    """Return mantissa * 2**(exponent + log2_factor), its mantissa in [1, 2)."""
    whole = math.floor(log2_factor)
    mantissa *= math.exp(LOG_2 * (log2_factor - whole))
    exponent += whole
    if mantissa >= 2.0:
        return 0.5 * mantissa, exponent + 1.0
    return mantissa, exponent


@njit(cache=True, nogil=True)
def _sum(m1: float, e1: float, m2: float, e2: float) -> tuple[float, float]:
    if e1 < e2:
        m1, e1, m2, e2 = m2, e2, m1, e1
    if e2 < e1 - 60.0:
        return m1, e1
    mantissa = m1 + math.ldexp(m2, int(e2 - e1))
    if mantissa >= 2.0:
        return 0.5 * mantissa, e1 + 1.0
    return mantissa, e1


@njit(cache=True, nogil=True)
def _fill_blocks(s: int, within: Array, clades: Array, gap_free: bool, scale: float, top: int, block: Array, block_e: Array, rest: Array, rest_e: Array) -> None:
    """Fill `blocks` of S and add it to its `rests`, from those in two or more blocks."""
    for h in range(1, top):
        step = within[s, h] - within[s, h + 1]
        extra = clades[s, h] * scale if len(clades) else 0.0
        block[s, EXACT, h + 1], block_e[s, EXACT, h + 1] = _scaled(
            rest[s, SOME, h], rest_e[s, SOME, h], step + extra)
        if gap_free:
            m, e = _sum(block[s, LOWER, h], block_e[s, LOWER, h], block[s, EXACT, h], block_e[s, EXACT, h])
            block[s, LOWER, h + 1], block_e[s, LOWER, h + 1] = _scaled(m, e, step)
        else:
            m, e = _scaled(block[s, EXACT, h], block_e[s, EXACT, h], step)
            m, e = _sum(m, e, block[s, EXACT, h + 1], block_e[s, EXACT, h + 1])
            block[s, EXACT, h + 1], block_e[s, EXACT, h + 1] = m, e
    for h in range(2, top + 1):
        m, e = block[s, EXACT, h], block_e[s, EXACT, h]
        rest[s, SOME, h], rest_e[s, SOME, h] = _sum(rest[s, SOME, h], rest_e[s, SOME, h], m, e)
        m, e = _sum(m, e, block[s, LOWER, h], block_e[s, LOWER, h])
        rest[s, ANY, h], rest_e[s, ANY, h] = _sum(rest[s, ANY, h], rest_e[s, ANY, h], m, e)


@njit(cache=True, nogil=True)
def _log_trees(s: int, within: Array, clades: Array, scale: float, classes: int, rest: Array, rest_e: Array, heights: Array) -> float:
    """Return the log of the sum over all trees on S, before S is added to `rests` as a block.

    Sets heights (LANES,) to the logs of the sums for each height of the root.
    """
    mantissa, exponent = 1.0, ZERO
    for h in range(1, classes):
        factor = within[s, h] + (clades[s, h] * scale if len(clades) else 0.0)
        m, e = _scaled(rest[s, SOME, h], rest_e[s, SOME, h], factor)
        heights[h] = (math.log2(m) + e) * LOG_2
        mantissa, exponent = _sum(mantissa, exponent, m, e)
    return (math.log2(mantissa) + exponent) * LOG_2


@njit(cache=True, nogil=True)
def sum_trees(
    within: Array, clades: Array, gap_free: bool, scale: float, n: int, classes: int,
    block: Array, block_e: Array, rest: Array, rest_e: Array, trees: Array, heights: Array,
) -> None:
    """Set trees (2**n,) to the log of the sum over all trees on S, heights (2**n, LANES) for each height.

    Only those of all leaves where these have one row. The tables are those of `exact.max_tables`,
    all scores times `scale`.
    """
    top, full = classes - 1, (1 << n) - 1
    block[:], rest[:] = 1.0, 1.0
    block_e[:], rest_e[:] = ZERO, ZERO
    for s in range(1, full + 1):
        subset = np.uint64(s)
        others = subset & (subset - ONE)
        if others == 0:
            block_e[s, EXACT, 1] = rest_e[s, ANY, 1] = rest_e[s, SOME, 1] = 0.0
            for h in range(2, top + 1):
                block_e[s, LOWER if gap_free else EXACT, h] = rest_e[s, ANY, h] = 0.0
                if not gap_free:
                    rest_e[s, SOME, h] = 0.0
            continue
        max_splits(block_e, rest_e, subset, others)  # type: ignore[call-arg]
        sum_splits(block, block_e, rest, rest_e, subset, others)
        if s == full or len(trees) > 1:
            row = s if len(trees) > 1 else 0
            trees[row] = _log_trees(s, within, clades, scale, classes, rest, rest_e, heights[row if len(heights) > 1 else 0])
        if s < full:
            _fill_blocks(s, within, clades, gap_free, scale, top, block, block_e, rest, rest_e)


@njit(cache=True, nogil=True)
def sum_wholes(within: Array, leaves: Array, extra: Array, temperature: float, whole: Array) -> None:
    """Turn whole (2**n,), at first `sum_trees`, into the sums of S as one part of a forest."""
    signal = np.empty(len(whole))
    in_trees(leaves, signal)
    for s in range(1, len(whole)):
        own = (signal[s] + (extra[s] if len(extra) else 0.0)) / temperature
        if s & (s - 1):
            whole[s] += own - within[s, 0] * LOG_2
            continue
        whole[s] = np.logaddexp(own, leaves[lowest_leaf(s), 0] / temperature)


@njit(cache=True, nogil=True)
def sum_batch(
    pairs: Array, clades: Array, leaves: Array, trees: Array, gap_free: bool, temperature: float, total: Array
) -> None:
    """Set `total` (B,) to log Z; shapes as in `exact.decode_batch`."""
    n, classes = pairs.shape[1], pairs.shape[3]
    scale = 1.0 / (temperature * LOG_2)
    forest = leaves.shape[1] > 0
    within = np.zeros((1 << n, LANES))
    block, block_e, rest, rest_e = np.empty((4, 1 << n, 2, LANES), dtype=np.float32)
    best, sums = np.empty((2, 1 << n))
    whole, heights = np.zeros(1 << n if forest else 1), np.empty((1, LANES))
    for event in range(len(pairs)):
        add_pairs(pairs[event], within)
        within *= scale
        sum_trees(within, clades[event], gap_free, scale, n, classes, block, block_e, rest, rest_e, whole, heights)
        total[event] = whole[0]
        if forest:
            sum_wholes(within, leaves[event], trees[event], temperature, whole)
            total[event] = sum_forests(whole, best, sums) + within[-1, 0] * LOG_2
