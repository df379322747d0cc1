"""Errors of what is computed from histograms: events in blocks, and blocks drawn with replacement.

Events are dealt at random to a few hundred blocks of equal size, and a histogram is made of each.
A resampling is then a sum of histograms, which costs nothing for millions of jets; weights of either
sign, jets that share an event, and two scores of the same jets are resampled as they are. With
fewer events than blocks it is the ordinary bootstrap. The variance itself is known to about
sqrt(2 / blocks). Source: K. M. Wolter, Introduction to Variance Estimation (2007), chapter 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .uncertainty import Floats

BLOCKS = 500


def blocks_of(n: int, event: ArrayLike | None = None, blocks: int = BLOCKS, seed: int = 0) -> NDArray[np.int64]:
    """Return the block of each of n jets, (n,); the same for the same events and seed.

    Args:
        event: (n,), of each jet; those of one event are in one block. By default each is its own.
    """
    which, events = np.arange(n), n
    if event is not None:
        distinct, which = np.unique(np.asarray(event), return_inverse=True)
        events = len(distinct)
    dealt = np.random.default_rng(seed).permutation(events) % max(1, min(blocks, events))
    chosen: NDArray[np.int64] = dealt[which]
    return chosen


def block_histograms(cell: ArrayLike, cells: int, block: NDArray[np.int64], weights: ArrayLike | None = None) -> Floats:
    """Return the sums of weights in each cell, for each block, shape (blocks, cells).

    Args:
        cell: of each jet, (n,); those outside 0 ... cells - 1 are left out.
        block: of each jet, (n,).
    """
    c = np.asarray(cell)
    blocks = int(block.max(initial=-1)) + 1
    inside = (c >= 0) & (c < cells)
    w = None if weights is None else np.asarray(weights, float)[inside]
    flat = np.bincount(block[inside] * cells + c[inside], w, blocks * cells)
    return flat.reshape(blocks, cells).astype(float)


def resampled(histograms: Floats, replicas: int = 200, seed: int = 0) -> Floats:
    """Return histograms of resampled events, (replicas, cells), by those of the blocks, (blocks, cells).

    The same blocks are drawn wherever their number and the seed are the same.
    """
    blocks = len(histograms)
    times = np.random.default_rng(seed).multinomial(blocks, np.full(blocks, 1 / blocks), replicas)
    drawn: Floats = times.astype(float) @ histograms
    return drawn
