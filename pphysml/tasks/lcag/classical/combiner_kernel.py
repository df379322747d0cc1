"""The loop of the combiner: the best combination of blocks on a known mass is merged, again and again.

A combination of mass m and resolution s fits the known mass M if |m - M| < `window` s. Its score is
the log-likelihood ratio log N(m; M, s) + log(R / K) against an accidental mass, which may lie anywhere
up to the root's mass R; K is the number of known masses. It is taken as the log-odds of the block.
Children are lighter than their parent, and may be asked to fly within an angle of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit

from ....io.ragged import Array
from ..trees.validity_rules import N_CLASSES
from .mass_scores import TINY, leaf_terms, mass_and_resolution

CHI2, SCORE, LEAVES, MASS = range(4)


class Cuts(NamedTuple):
    """Numbers that are tuned: relative resolution of momenta, least resolution of a mass (GeV),
    window, least cosine of the angle between a child and the sum, order of merging, largest number
    of children, most combinations of an event."""

    width: float
    floor: float
    window: float
    cosine: float
    order: int
    max_children: int
    max_combinations: int


class Blocks(NamedTuple):
    """Leaves and what was merged of them, in the order of their making: parents after children.

    Attributes:
        total: summed terms of `mass_scores.leaf_terms`, (2n, 20).
        mass: of a leaf its own, of other blocks the known one, GeV.
        leaves, height, parent: parent -1 for what is not merged.
        free: whether a block may still be merged.
        score: as above; of leaves 0.
        rank, second: what sorts the best combination with this block as its last; rank infinite if there is none.
        best: blocks of that combination, (2n, max_children), its own first, then -1.
        target: known mass of that combination, GeV.
    """

    total: Array
    mass: Array
    leaves: Array
    height: Array
    parent: Array
    free: Array
    score: Array
    rank: Array
    second: Array
    best: Array
    target: Array


@njit(cache=True, nogil=True)
def combine(p4: Array, known: Array, cuts: Cuts) -> tuple[Blocks, int]:
    """Return the blocks of one event of leaves p4 (n, 4), and how many there are.

    Args:
        known: masses, ascending; the last is the root's.
    """
    n = len(p4)
    b = _start(p4, max_size(n, cuts))
    for block in range(n):
        _look(b, block, known, cuts)
    count = n
    while True:
        first = 0
        for block in range(count):
            if (b.rank[block], b.second[block]) < (b.rank[first], b.second[first]):
                first = block
        if count == 0 or b.rank[first] == np.inf:
            return b, count
        _merge(b, first, count, known, cuts)
        count += 1
        for block in range(count):
            if b.free[block] and (block == count - 1 or _is_stale(b, block)):
                _look(b, block, known, cuts)


@njit(cache=True, nogil=True)
def max_size(n: int, cuts: Cuts) -> int:
    """Return how many of n leaves may be combined at once, at least two."""
    size, sets, total = 2, n * (n - 1) / 2.0, n * (n - 1) / 2.0
    while size < cuts.max_children:
        sets *= (n - size) / (size + 1.0)
        total += sets
        if total > cuts.max_combinations:
            break
        size += 1
    return size


@njit(cache=True, nogil=True)
def _start(p4: Array, most: int) -> Blocks:
    n = len(p4)
    size = max(2 * n, 1)
    b = Blocks(
        np.zeros((size, 20)), np.zeros(size), np.ones(size, dtype=np.int64), np.zeros(size, dtype=np.int64),
        np.full(size, -1), np.zeros(size, dtype=np.bool_), np.zeros(size),
        np.full(size, np.inf), np.full(size, np.inf), np.full((size, most), -1), np.zeros(size))
    for i in range(n):
        leaf_terms(p4[i], b.total[i])
        b.mass[i] = mass_and_resolution(b.total[i], 0.0, 0.0)[0]
        b.free[i] = True
    return b


@njit(cache=True, nogil=True)
def _is_stale(b: Blocks, block: int) -> bool:
    stale = False
    for member in b.best[block]:
        stale |= member >= 0 and not b.free[member]
    return stale


@njit(cache=True, nogil=True)
def _look(b: Blocks, last: int, known: Array, cuts: Cuts) -> None:
    """Find the best combination of `last` with free blocks before it."""
    others = np.flatnonzero(b.free[:last])
    most = b.best.shape[1]
    sums, choice = np.empty((most, 20)), np.empty(most, dtype=np.int64)
    b.rank[last], b.second[last] = np.inf, np.inf
    b.best[last] = -1
    sums[0] = b.total[last]
    depth, i = 1, 0
    while True:
        if i >= len(others):
            depth -= 1
            if depth == 0:
                return
            i = choice[depth] + 1
            continue
        choice[depth] = i
        sums[depth] = sums[depth - 1] + b.total[others[i]]
        light = _judge(b, last, others, choice[1 : depth + 1], sums[depth], known, cuts)
        if light and depth + 1 < most:
            depth += 1
        i += 1


@njit(cache=True, nogil=True)
def _judge(b: Blocks, last: int, others: Array, choice: Array, total: Array, known: Array, cuts: Cuts) -> bool:
    """Keep a combination if it is the best of `last` so far; return whether it is light enough to go on."""
    mass, resolution = mass_and_resolution(total, cuts.width, cuts.floor)
    masses, leaves, height = b.mass[last], b.leaves[last], b.height[last]
    for c in choice:
        masses += b.mass[others[c]]
        leaves += b.leaves[others[c]]
        height = max(height, b.height[others[c]])
    target = _target(mass, masses, height, known)
    pull = (mass - target) / resolution
    if abs(pull) < cuts.window and _is_narrow(b, last, others, choice, total, cuts.cosine):
        rank = 0.0
        if cuts.order == LEAVES:
            rank = float(leaves)
        elif cuts.order == MASS:
            rank = target
        second = pull**2 if cuts.order == CHI2 else 0.5 * pull**2 + math.log(resolution)
        if (rank, second) < (b.rank[last], b.second[last]):
            b.rank[last], b.second[last], b.target[last] = rank, second, target
            b.best[last] = -1
            b.best[last, 0] = last
            b.best[last, 1 : len(choice) + 1] = others[choice]
    return bool(mass - cuts.window * resolution < known[-1])


@njit(cache=True, nogil=True)
def _target(mass: float, masses: float, height: int, known: Array) -> float:
    """Return the nearest known mass that may decay to children of these masses; infinite if there is none."""
    target = np.inf
    for k in range(len(known)):
        # Below the root one generation is kept for it.
        top = N_CLASSES - 1 if k == len(known) - 1 else N_CLASSES - 2
        if known[k] > masses and height < top and abs(mass - known[k]) < abs(mass - target):
            target = known[k]
    return target


@njit(cache=True, nogil=True)
def _is_narrow(b: Blocks, last: int, others: Array, choice: Array, total: Array, cosine: float) -> bool:
    """Return whether every child flies within the opening angle about the sum."""
    if cosine <= -1.0:
        return True
    narrow = _cosine(b.total[last], total) >= cosine
    for c in choice:
        narrow &= _cosine(b.total[others[c]], total) >= cosine
    return narrow


@njit(cache=True, nogil=True)
def _cosine(a: Array, b: Array) -> float:
    product, a2, b2 = 0.0, 0.0, 0.0
    for i in range(3):
        product += a[i] * b[i]
        a2 += a[i] ** 2
        b2 += b[i] ** 2
    return product / max(math.sqrt(a2 * b2), TINY)


@njit(cache=True, nogil=True)
def _merge(b: Blocks, first: int, new: int, known: Array, cuts: Cuts) -> None:
    """Make block `new` of the best combination of `first`."""
    b.leaves[new] = 0
    for member in b.best[first]:
        if member >= 0:
            b.total[new] += b.total[member]
            b.leaves[new] += b.leaves[member]
            b.height[new] = max(b.height[new], b.height[member] + 1)
            b.parent[member], b.free[member], b.rank[member] = new, False, np.inf
    b.mass[new] = b.target[first]
    b.free[new] = b.mass[new] < known[-1]
    mass, resolution = mass_and_resolution(b.total[new], cuts.width, cuts.floor)
    chi2 = ((mass - b.mass[new]) / resolution) ** 2
    accidental = math.log(len(known) * resolution * math.sqrt(2.0 * math.pi) / known[-1])
    b.score[new] = -0.5 * chi2 - accidental
