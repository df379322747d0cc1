"""Sum over all valid trees: the normalisation of tree probabilities.

The recursion of `exact` with (+, x) in the place of (max, +). The terms lie hundreds of orders of
magnitude apart, so a number is kept as mantissa * 2**exponent; see `lanes.sum_splits`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from ....io.ragged import Array
from .lanes import ANY, EXACT, LANES, LOWER, ONE, SOME, max_splits, sum_splits
from .pair_sums import add_pairs

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
def _fill_blocks(s: int, within: Array, clades: Array, scale: float, top: int, block: Array, block_e: Array, rest: Array, rest_e: Array) -> None:
    """Fill `blocks` of S and add it to its `rests`, from those in two or more blocks."""
    for h in range(1, top):
        step = within[s, h] - within[s, h + 1]
        extra = clades[s, h] * scale if len(clades) else 0.0
        block[s, EXACT, h + 1], block_e[s, EXACT, h + 1] = _scaled(
            rest[s, SOME, h], rest_e[s, SOME, h], step + extra)
        m, e = _sum(block[s, LOWER, h], block_e[s, LOWER, h], block[s, EXACT, h], block_e[s, EXACT, h])
        block[s, LOWER, h + 1], block_e[s, LOWER, h + 1] = _scaled(m, e, step)
    for h in range(2, top + 1):
        m, e = block[s, EXACT, h], block_e[s, EXACT, h]
        rest[s, SOME, h], rest_e[s, SOME, h] = _sum(rest[s, SOME, h], rest_e[s, SOME, h], m, e)
        m, e = _sum(m, e, block[s, LOWER, h], block_e[s, LOWER, h])
        rest[s, ANY, h], rest_e[s, ANY, h] = _sum(rest[s, ANY, h], rest_e[s, ANY, h], m, e)


@njit(cache=True, nogil=True)
def _log_sum(within: Array, clades: Array, scale: float, n: int, classes: int, block: Array, block_e: Array, rest: Array, rest_e: Array) -> float:
    """Return log Z of one event; the tables are those of `exact.max_tables`, scores times `scale`."""
    top, full = classes - 1, (1 << n) - 1
    block[:], rest[:] = 1.0, 1.0
    block_e[:], rest_e[:] = ZERO, ZERO
    for s in range(1, full + 1):
        subset = np.uint64(s)
        others = subset & (subset - ONE)
        if others == 0:
            block_e[s, EXACT, 1] = rest_e[s, ANY, 1] = rest_e[s, SOME, 1] = 0.0
            for h in range(2, top + 1):
                block_e[s, LOWER, h] = rest_e[s, ANY, h] = 0.0
            continue
        max_splits(block_e, rest_e, subset, others)  # type: ignore[call-arg]
        sum_splits(block, block_e, rest, rest_e, subset, others)
        if s < full:
            _fill_blocks(s, within, clades, scale, top, block, block_e, rest, rest_e)
    mantissa, exponent = 1.0, ZERO
    for h in range(1, top + 1):
        factor = within[full, h] + (clades[full, h] * scale if len(clades) else 0.0)
        m, e = _scaled(rest[full, SOME, h], rest_e[full, SOME, h], factor)
        mantissa, exponent = _sum(mantissa, exponent, m, e)
    return (math.log2(mantissa) + exponent) * LOG_2


@njit(cache=True, nogil=True)
def sum_batch(pairs: Array, clades: Array, temperature: float, total: Array) -> None:
    """Set `total` (B,) to log Z; shapes as in `exact.decode_batch`."""
    n, classes = pairs.shape[1], pairs.shape[3]
    scale = 1.0 / (temperature * LOG_2)
    within = np.zeros((1 << n, LANES))
    block, block_e, rest, rest_e = np.empty((4, 1 << n, 2, LANES), dtype=np.float32)
    for event in range(len(pairs)):
        add_pairs(pairs[event], within)
        within *= scale
        total[event] = _log_sum(within, clades[event], scale, n, classes, block, block_e, rest, rest_e)
