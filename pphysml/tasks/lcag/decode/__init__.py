"""Decoding: the tree with the highest score, how far ahead it is, and how probable.

The score of a tree is the sum over pairs of leaves of `pair_scores[i, j, M_ij]` (i < j only, so
that scores must be symmetric) and, if given, over its nodes, the root among them, of
`clade_scores[S, height]`, S the bitmask of the node's leaves. Scores beyond +-1e4 are taken as
that, NaN as -1e4: in effect forbidden, but there always is a tree.

With `leaf_scores` an event is a forest: M_ij is 0 for leaves of different trees and scores as class
0 of the pair; every leaf adds `leaf_scores[i, 0]` if it is in no tree, else `leaf_scores[i, 1]`;
every tree, those of one leaf among them, adds `tree_scores[S]` if given. Else class 0 is not used.

Heights are generations, every node exactly one above its highest child; with `gap_free` false they
only increase from child to parent.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array
from .exact import decode_batch
from .pair_sums import add_tree, checked
from .partition import sum_batch
from .sampling import sample_batch
from .search import search_batch

__all__ = ["Decoded", "decode_exact", "decode_search", "log_partition", "sample_trees", "tree_score"]


class Decoded(NamedTuple):
    """Decoded events of equal numbers of leaves.

    Attributes:
        matrix: heights of lowest common ancestors, uint8 (B, n, n), always valid.
        background: which leaves are in no tree, bool (B, n).
        score: float64 (B,).
        margin: score less that of the best different tree, float64 (B,); infinite if there is
            none, NaN if none is known.
    """

    matrix: NDArray[np.uint8]
    background: NDArray[np.bool_]
    score: NDArray[np.float64]
    margin: NDArray[np.float64]


class Drawn(NamedTuple):
    """Trees drawn at random, of events of equal numbers of leaves.

    Attributes:
        matrix, background: as in `Decoded`.
        log_z: of `log_partition`, float64 (B,).
    """

    matrix: NDArray[np.uint8]
    background: NDArray[np.bool_]
    log_z: NDArray[np.float64]


def decode_exact(
    pair_scores: Array, clade_scores: Array | None = None, *, leaf_scores: Array | None = None,
    tree_scores: Array | None = None, gap_free: bool = True,
) -> Decoded:
    """Return the best of all valid trees or forests.

    Args:
        pair_scores: (B, n, n, C), taken as float32; heights are 1...C-1, C at most 8.
        clade_scores: (B, 2**n, C), or None.
        leaf_scores: (B, n, 2), or None if every event is one tree.
        tree_scores: (B, 2**n), or None.

    Time and memory grow as 3**n and 2**n: for n up to about 12. Dynamic programming over subsets;
    the margin from the best tree's own alternatives (L. Huang and D. Chiang, IWPT 2005).
    """
    scores = checked(pair_scores, clade_scores, leaf_scores, tree_scores)
    found = _start(scores.pairs)
    if scores.pairs.shape[1] >= (2 if leaf_scores is None else 1):
        decode_batch(*scores, gap_free, *found)
    return found


def decode_search(
    pair_scores: Array, rounds: int = 8, *, leaf_scores: Array | None = None, gap_free: bool = True
) -> Decoded:
    """Return a good valid tree or forest for events of any size, by bounded search.

    Args:
        pair_scores, leaf_scores: as in `decode_exact`.
        rounds: of improvement after the first tree; up to 8 leaves the result is exact.

    The margin is to the best other tree that was met: the true one can be smaller.
    """
    scores = checked(pair_scores, None, leaf_scores, None)
    found = _start(scores.pairs)
    if scores.pairs.shape[1] >= (2 if leaf_scores is None else 1):
        search_batch(scores.pairs, max(rounds, 1), gap_free, scores.leaves, *found)
    return found


def log_partition(
    pair_scores: Array, clade_scores: Array | None = None, temperature: float = 1.0, *,
    leaf_scores: Array | None = None, tree_scores: Array | None = None, gap_free: bool = True,
) -> NDArray[np.float64]:
    """Return log Z, Z the sum of exp(score / temperature) over all valid trees, shape (B,).

    exp(score / temperature) / Z is a tree's probability. Arguments as in `decode_exact`;
    temperature 0.05 at least. Relative accuracy of Z about 1e-5.
    """
    scores = checked(pair_scores, clade_scores, leaf_scores, tree_scores)
    total = np.zeros(len(pair_scores))
    if scores.pairs.shape[1] >= (2 if leaf_scores is None else 1):
        sum_batch(*scores, gap_free, float(temperature), total)
    return total


def sample_trees(
    rng: np.random.Generator, pair_scores: Array, clade_scores: Array | None = None, temperature: float = 1.0, *,
    leaf_scores: Array | None = None, tree_scores: Array | None = None, gap_free: bool = True,
) -> Drawn:
    """Return one tree per event, drawn with probability exp(score / temperature) / Z.

    Arguments as in `log_partition`.
    """
    scores = checked(pair_scores, clade_scores, leaf_scores, tree_scores)
    matrix, background, total, _ = _start(scores.pairs)
    if scores.pairs.shape[1] >= (2 if leaf_scores is None else 1):
        sample_batch(rng, *scores, gap_free, float(temperature), matrix, background, total)
    return Drawn(matrix, background, total)


def tree_score(
    pair_scores: Array, clade_scores: Array | None, matrix: Array, *, leaf_scores: Array | None = None,
    tree_scores: Array | None = None, background: Array | None = None,
) -> NDArray[np.float64]:
    """Return the score of given trees (B, n, n), shape (B,); a level that is not allowed scores -1e4.

    Args:
        background: which leaves are in no tree, bool (B, n); None: all are in one.
    """
    scores = checked(pair_scores, clade_scores, leaf_scores, tree_scores)
    score = np.zeros(len(pair_scores))
    if background is None:
        background = np.zeros(scores.pairs.shape[:2], dtype=np.bool_)
    add_tree(*scores, matrix, background, score)
    return score


def _start(pairs: Array) -> Decoded:
    events, n = pairs.shape[:2]
    return Decoded(np.zeros((events, n, n), dtype=np.uint8), np.zeros((events, n), dtype=np.bool_),
                   np.zeros(events), np.full(events, np.inf))
