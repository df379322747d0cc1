"""Decoding: the tree with the highest score, how far ahead it is, and how probable.

The score of a tree is the sum over pairs of leaves of `pair_scores[i, j, M_ij]` (i < j only, so
that scores must be symmetric) and, if given, over its nodes, the root among them, of
`clade_scores[S, height]`, S the bitmask of the node's leaves. Class 0 is never used. Scores beyond
+-1e4 are taken as that, NaN as -1e4: in effect forbidden, but there always is a tree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array
from .exact import decode_batch
from .pair_sums import add_tree, checked
from .partition import sum_batch
from .search import search_batch

__all__ = ["Decoded", "decode_exact", "decode_search", "log_partition", "tree_score"]


class Decoded(NamedTuple):
    """Decoded events of equal numbers of leaves.

    Attributes:
        matrix: valid trees, uint8 (B, n, n).
        score: float64 (B,).
        margin: score less that of the best different tree, float64 (B,); infinite if there is
            none, NaN if none is known.
    """

    matrix: NDArray[np.uint8]
    score: NDArray[np.float64]
    margin: NDArray[np.float64]


def decode_exact(pair_scores: Array, clade_scores: Array | None = None) -> Decoded:
    """Return the best of all valid trees.

    Args:
        pair_scores: (B, n, n, C), taken as float32; heights are 1...C-1, C at most 8.
        clade_scores: (B, 2**n, C), or None.

    Time and memory grow as 3**n and 2**n: for n up to about 12. Dynamic programming over subsets;
    the margin from the best tree's own alternatives (L. Huang and D. Chiang, IWPT 2005).
    """
    pairs, clades = checked(pair_scores, clade_scores)
    found = _start(pairs)
    if pairs.shape[1] >= 2:
        decode_batch(pairs, clades, *found)
    return found


def decode_search(pair_scores: Array, beam_width: int = 32) -> Decoded:
    """Return a good valid tree for events of any size, by bounded search.

    Args:
        pair_scores: as in `decode_exact`.
        beam_width: partial trees kept at every step.

    The margin is to the best other tree that was completed: the true one can be smaller.
    """
    pairs, _ = checked(pair_scores, None)
    found = _start(pairs)
    if pairs.shape[1] >= 2:
        search_batch(pairs, max(beam_width, 1), *found)
    return found


def log_partition(
    pair_scores: Array, clade_scores: Array | None = None, temperature: float = 1.0
) -> NDArray[np.float64]:
    """Return log Z, Z the sum of exp(score / temperature) over all valid trees, shape (B,).

    exp(score / temperature) / Z is a tree's probability. Arguments as in `decode_exact`;
    temperature 0.05 at least. Relative accuracy of Z about 1e-5.
    """
    pairs, clades = checked(pair_scores, clade_scores)
    total = np.zeros(len(pairs))
    if pairs.shape[1] >= 2:
        sum_batch(pairs, clades, float(temperature), total)
    return total


def tree_score(pair_scores: Array, clade_scores: Array | None, matrix: Array) -> NDArray[np.float64]:
    """Return the score of given trees (B, n, n), shape (B,); a level beyond C - 1 scores -1e4."""
    pairs, clades = checked(pair_scores, clade_scores)
    score = np.zeros(len(pairs))
    add_tree(pairs, clades, matrix, score)
    return score


def _start(pairs: Array) -> Decoded:
    events, n = pairs.shape[:2]
    return Decoded(np.zeros((events, n, n), dtype=np.uint8), np.zeros(events), np.full(events, np.inf))
