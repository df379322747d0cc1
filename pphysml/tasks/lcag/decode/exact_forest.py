"""Forests: the best way, and the sum over all ways, to share an event's leaves among trees.

With `whole[S]` the score of the set S as one tree (or of a leaf by itself), the best forest on S
takes the block with the lowest leaf of S and the best forest on the rest; 3**n / 2 splits.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from ....io.ragged import Array
from .vector_kernel import ONE

NEVER = -np.inf
NEGLIGIBLE = 40.0
"""Terms that are smaller than the largest by this much, as logarithms, are left out of sums."""


@njit(cache=True, nogil=True)
def in_trees(leaves: Array, total: Array) -> None:
    """Fill total (2**n,): the summed scores of the leaves of S for being in a tree."""
    total[0] = 0.0
    for s in range(1, len(total)):
        total[s] = total[s & (s - 1)] + leaves[lowest_leaf(s), 1]


@njit(cache=True, nogil=True)
def lowest_leaf(s: int) -> int:
    """Return the lowest leaf of a set that is not empty."""
    low = 0
    while not (s >> low) & 1:
        low += 1
    return low


@njit(cache=True, nogil=True)
def best_forests(whole: Array, best: Array) -> None:
    """Fill best (2**n,) from whole (2**n,)."""
    best[0] = 0.0
    for s in range(1, len(whole)):
        others = s & (s - 1)
        rest = others
        value = whole[s]
        while rest:
            value = max(value, whole[s ^ rest] + best[rest])
            rest = (rest - 1) & others
        best[s] = value


@njit(cache=True, nogil=True)
def best_block(whole: Array, best: Array, s: Any) -> tuple[Any, float]:
    """Return the block with the lowest leaf of S in the best forest, and its lead."""
    others = s & (s - ONE)
    rest, block = others, s
    value, second = whole[s], NEVER
    while rest:
        other = whole[s ^ rest] + best[rest]
        if other > value:
            value, second, block = other, value, s ^ rest
        else:
            second = max(second, other)
        rest = (rest - ONE) & others
    return block, value - second


@njit(cache=True, nogil=True)
def sum_forests(whole: Array, best: Array, total: Array) -> float:
    """Return log of the summed exp(score) of all forests; fills best and total (2**n,)."""
    best_forests(whole, best)
    total[0] = 0.0
    for s in range(1, len(whole)):
        others = s & (s - 1)
        rest = others
        top = best[s]
        added = math.exp(whole[s] - top)
        while rest:
            term = whole[s ^ rest] + total[rest] - top
            if term > -NEGLIGIBLE:
                added += math.exp(term)
            rest = (rest - 1) & others
        total[s] = top + math.log(added)
    return float(total[len(whole) - 1])
