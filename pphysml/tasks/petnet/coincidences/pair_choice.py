"""From which probability on a pair is taken, and what becomes of two that share a single."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from ..config.engines import EVEN


def best_threshold(probability: Array) -> float:
    """Return the smallest probability that is taken for the largest expected F1; it is half of this F1.

    With the k likeliest pairs F1 is 2 sum p / (k + sum of all p), where taking another one pays while its
    p is above half of it (Z. C. Lipton, C. Elkan, B. Naryanaswamy, ECML PKDD 2014, arXiv:1402.1892, Theorem 2).
    """
    falling = np.sort(probability)[::-1]
    total = falling.sum()
    if not total:
        return EVEN
    f1 = 2 * np.cumsum(falling) / (np.arange(1, len(falling) + 1) + total)
    return float(f1.max() / 2)


def chosen(first: Array, second: Array, probability: Array, least: float) -> Array:
    """Return which pairs are taken: one after the other from the most probable one on, each single once.

    Args:
        first, second: singles of the pairs, (P,); probability: (P,).

    Returns:
        bool (P,).
    """
    taken = np.zeros(len(probability), dtype=bool)
    rows = np.flatnonzero(probability >= least)
    rows = rows[np.argsort(-probability[rows], kind="stable")]
    n = int(max(first.max(initial=-1), second.max(initial=-1))) + 1
    while len(rows):
        # A pair that comes first at both of its singles is taken, and ends the others there.
        singles, place = np.stack([first[rows], second[rows]]), np.arange(len(rows))
        earliest = np.full(n, len(rows))
        for ends in singles:
            np.minimum.at(earliest, ends, place)
        leading = (earliest[singles] == place).all(0)
        taken[rows[leading]] = True
        used = np.zeros(n, dtype=bool)
        used[singles[:, leading]] = True
        rows = rows[~used[singles].any(0)]
    return taken
