"""Exact maximisation over all valid trees, by dynamic programming over sets of leaves.

The best tree on a set S with a root of height h is the best partition of S in blocks of smaller
height, one of them at least of height h - 1; pairs of leaves in different blocks have level h. All
splits of all sets are 3**n / 2 (n = 10: 30,000), for all heights at once. Without the rule that one
block reaches h - 1 every block counts as exact. For events of several trees see `exact_forest`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ....io.ragged import Array
from .exact_forest import best_block, best_forests, in_trees, lowest_leaf
from .pair_sums import add_pairs, set_level
from .vector_kernel import ANY, EXACT, LANES, LOWER, ONE, SOME, max_splits

NEVER = -np.inf


@njit(cache=True, nogil=True)
def max_tables(within: Array, clades: Array, gap_free: bool, n: int, classes: int, nodes: Array, blocks: Array, rests: Array) -> None:
    """Fill the tables of best scores for every subset S and height h.

    Args:
        within: of `add_pairs`.
        clades: extra scores of nodes (2**n, classes), or (0, 0).
        gap_free: whether a node of height h must have a child of height h - 1.
        nodes: best score of a tree on S whose root has height h, (2**n, LANES).
        blocks, rests: see `vector_kernel`; the score of a block under a node of height h is the best of
            the block less within[B, h], so that the node's pairs are within[S, h] plus its blocks.
    """
    top = classes - 1
    for s in range(1, 1 << n):
        subset = np.uint64(s)
        others = subset & (subset - ONE)
        nodes[s] = NEVER
        blocks[s] = NEVER
        if others == 0:
            # A leaf has height 0: exact under height 1, lower under all others.
            rests[s] = NEVER
            blocks[s, EXACT, 1] = rests[s, ANY, 1] = rests[s, SOME, 1] = 0.0
            for h in range(2, top + 1):
                blocks[s, LOWER if gap_free else EXACT, h] = rests[s, ANY, h] = 0.0
                if not gap_free:
                    rests[s, SOME, h] = 0.0
            continue
        max_splits(blocks, rests, subset, others)  # type: ignore[call-arg]
        for h in range(1, top + 1):
            nodes[s, h] = rests[s, SOME, h] + within[s, h]
            if len(clades):
                nodes[s, h] += clades[s, h]
            if h > 1:
                step = within[s, h - 1] - within[s, h]
                blocks[s, EXACT, h] = nodes[s, h - 1] - within[s, h]
                if gap_free:
                    blocks[s, LOWER, h] = max(blocks[s, LOWER, h - 1], blocks[s, EXACT, h - 1]) + step
                else:
                    blocks[s, EXACT, h] = max(blocks[s, EXACT, h], blocks[s, EXACT, h - 1] + step)
        for h in range(2, top + 1):
            exact, lower = blocks[s, EXACT, h], blocks[s, LOWER, h]
            rests[s, SOME, h] = max(rests[s, SOME, h], exact)
            rests[s, ANY, h] = max(rests[s, ANY, h], exact, lower)


@njit(cache=True, nogil=True)
def highest(nodes: Array, s: Any, limit: int) -> tuple[int, float]:
    """Return the best height below `limit` of a node on S, and its lead over the next best."""
    height, best, second = 0, NEVER, NEVER
    for h in range(1, limit):
        if nodes[s, h] > best:
            height, best, second = h, nodes[s, h], best
        else:
            second = max(second, nodes[s, h])
    return height, best - second


@njit(cache=True, nogil=True)
def best_split(blocks: Array, rests: Array, s: Any, h: int, state: int, whole: bool) -> tuple[Any, int, int, float]:
    """Return the best block with the lowest leaf of S, its kind, the state of the rest, its lead.

    Args:
        state: ANY or SOME.
        whole: whether S may be one block itself.
    """
    others = s & (s - ONE)
    best, second = NEVER, NEVER
    block, kind, following = s, EXACT, ANY
    rest = others
    while rest or whole:
        for k in (EXACT, LOWER):
            then = ANY if k == EXACT else state
            value = blocks[s ^ rest, k, h]
            if rest:
                value += rests[rest, then, h]
            elif then == SOME:
                continue  # the last chance of an exact block is this one
            if value > best:
                best, second, block, kind, following = value, best, s ^ rest, k, then
            else:
                second = max(second, value)
        if not rest:
            break
        rest = (rest - ONE) & others
    return block, kind, following, best - second


@njit(cache=True, nogil=True)
def read_tree(nodes: Array, blocks: Array, rests: Array, gap_free: bool, classes: int, subset: Any, matrix: Array) -> float:
    """Write the best tree on a set of leaves to `matrix` (n, n); return its lead over the second best.

    The second-best tree leaves the best one at one place first and is best from there on, so
    the lead is the smallest over the places of the best tree (lazy k-best parsing: L. Huang and
    D. Chiang, IWPT 2005, section 4.3); every tree has one derivation only, see `vector_kernel`.
    """
    n = len(matrix)
    stack, heights = np.empty(n, dtype=np.uint64), np.empty(n, dtype=np.int64)
    stack[0], depth = subset, 1
    heights[0], margin = highest(nodes, subset, classes)
    while depth:
        depth -= 1
        s, h = stack[depth], heights[depth]
        set_level(matrix, s, h)
        state, whole = SOME, False
        while s:
            block, kind, state, lead = best_split(blocks, rests, s, h, state, whole)
            margin = min(margin, lead)
            whole = True
            s ^= block
            if block & (block - ONE):
                stack[depth], heights[depth] = block, h - 1
                if kind == LOWER or not gap_free:
                    heights[depth], lead = highest(nodes, block, h - 1 if gap_free else h)
                    margin = min(margin, lead)
                depth += 1
    return float(margin)


@njit(cache=True, nogil=True)
def score_wholes(nodes: Array, within: Array, leaves: Array, trees: Array, whole: Array) -> None:
    """Turn whole (2**n,), at first `exact_forest.in_trees`, into the score of S as one part of a forest.

    Relative to within[S, 0], so that pairs of leaves in different parts score as class 0; a leaf
    by itself is background or a tree of its own.
    """
    for s in range(1, len(whole)):
        if len(trees):
            whole[s] += trees[s]
        if s & (s - 1):
            whole[s] += nodes[s, 1:].max() - within[s, 0]
        else:
            whole[s] = max(whole[s], leaves[lowest_leaf(s), 0])


@njit(cache=True, nogil=True)
def read_forest(
    nodes: Array, blocks: Array, rests: Array, gap_free: bool, classes: int, whole: Array, best: Array,
    leaves: Array, trees: Array, matrix: Array, background: Array,
) -> float:
    """Write the best forest to `matrix` and `background`; return its lead over the second best."""
    s, margin = np.uint64(len(whole) - 1), np.inf
    while s:
        block, lead = best_block(whole, best, s)
        margin = min(margin, lead)
        if block & (block - ONE):
            margin = min(margin, read_tree(nodes, blocks, rests, gap_free, classes, block, matrix))
        else:
            low = lowest_leaf(int(block))
            own = leaves[low, 1] + (trees[block] if len(trees) else 0.0)
            background[low] = leaves[low, 0] >= own
            margin = min(margin, abs(leaves[low, 0] - own))
        s ^= block
    return float(margin)


@njit(cache=True, nogil=True)
def decode_batch(
    pairs: Array, clades: Array, leaves: Array, trees: Array, gap_free: bool,
    matrix: Array, background: Array, score: Array, margin: Array,
) -> None:
    """Decode events of n leaves one after the other, with the same tables.

    Args:
        pairs: (B, n, n, C), n >= 2, or n >= 1 for forests.
        clades: (B, 2**n, C), or (B, 0, 0).
        leaves: (B, n, 2), or (B, 0, 2) where every event is one tree.
        trees: (B, 2**n), or (B, 0).
        matrix, background, score, margin: output.
    """
    n, classes = pairs.shape[1], pairs.shape[3]
    within = np.zeros((1 << n, LANES))
    nodes = np.empty((1 << n, LANES))
    blocks = np.empty((1 << n, 2, LANES))
    rests = np.empty((1 << n, 2, LANES))
    whole, best = np.empty((2, 1 << n))
    full = np.uint64((1 << n) - 1)
    for event in range(len(pairs)):
        add_pairs(pairs[event], within)
        max_tables(within, clades[event], gap_free, n, classes, nodes, blocks, rests)
        if leaves.shape[1] == 0:
            margin[event] = read_tree(nodes, blocks, rests, gap_free, classes, full, matrix[event])
            score[event] = nodes[full, 1:classes].max()
            continue
        in_trees(leaves[event], whole)
        score_wholes(nodes[:, :classes], within, leaves[event], trees[event], whole)
        best_forests(whole, best)
        score[event] = best[full] + within[full, 0]
        margin[event] = read_forest(nodes, blocks, rests, gap_free, classes, whole, best,
                                    leaves[event], trees[event], matrix[event], background[event])
