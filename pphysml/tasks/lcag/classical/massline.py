"""The classical engine: the tree whose nodes best fit known masses.

The simulated decays of the published data have seven sharp masses only, so that without smearing
this solves them; it is a reference that knows the masses, which are given to no network here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from ....io.ragged import Array
from ..decode import Decoded, decode_exact
from ..trees.validity_rules import N_CLASSES
from .mass_scores import MassOptions, available_energy, leaf_terms, mass_score, score_subsets

EXACT_MAX_LEAVES = 12
SUBSETS_AT_ONCE = 2**17
MAX_CHILDREN = 5
FAR = 1e6


class MasslineDecoder:
    """Scores sets of leaves by their invariant masses (`mass_scores`) and decodes exactly.

    Args:
        masses: known masses in GeV; those below the root's are the possible nodes.
        root_mass: mass of all leaves together, GeV.
        width: relative resolution of a leaf's momentum.
        floor: smallest resolution of a mass, GeV.

    `outliers` and `node` are explained with the scores in `mass_scores`. With `background`, the prior probability of a leaf to belong to no tree, events may hold several
    trees; `at_rest` says that the decaying particles are at rest.

    Events above 12 leaves are built from below instead: of all sets of up to five blocks that fit a
    known mass better than chance, the one with the fewest leaves (of these, the best) is merged,
    again and again, and the rest is put under the root.
    """

    def __init__(
        self, masses: Sequence[float], root_mass: float, width: float, floor: float,
        background: float | None = None, at_rest: bool = False, outliers: float = 0.0, node: float = 0.0,
    ) -> None:
        # Where there is none, every set of leaves is far from what there is.
        self.known = np.array(sorted({float(m) for m in masses if m < root_mass}) or [FAR])
        self.root = np.array([float(root_mass)])
        self.options = MassOptions(float(width), float(floor), float(outliers), float(node))
        self.background, self.at_rest = background, at_rest

    def decode(self, p4: Array) -> Decoded:
        """Return the trees of p4, float64 (B, n, 4): px, py, pz, e in GeV; always valid trees.

        The margin of events above 12 leaves is NaN.
        """
        p4 = np.ascontiguousarray(p4, dtype=np.float64)
        events, n = p4.shape[:2]
        if n > EXACT_MAX_LEAVES:
            found = Decoded(np.zeros((events, n, n), dtype=np.uint8), np.zeros((events, n), dtype=np.bool_),
                            np.zeros(events), np.full(events, np.nan))
            _build_up(p4, self.known, self.root, self.options, N_CLASSES - 1, found.matrix, found.score)
            return found
        step = max(1, SUBSETS_AT_ONCE >> n)
        parts = [self._decode(p4[k : k + step]) for k in range(0, max(events, 1), step)]
        return Decoded(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _decode(self, p4: Array) -> Decoded:
        events, n = p4.shape[:2]
        forest = self.background is not None
        scores, trees = np.zeros((events, 1 << n)), np.zeros((events, 1 << n if forest else 0))
        if n >= (1 if forest else 2):
            score_subsets(p4, self.known, self.root, self.options, self.at_rest, scores, trees)
        clades = np.broadcast_to(scores[..., None], (*scores.shape, N_CLASSES))
        pairs = np.zeros((events, n, n, N_CLASSES), dtype=np.float32)
        if self.background is None:
            return decode_exact(pairs, clades)
        odds = np.log([self.background, 1.0 - self.background])
        return decode_exact(pairs, clades, leaf_scores=np.broadcast_to(odds, (events, n, 2)), tree_scores=trees)


def tune_width(
    p4_batches: Sequence[Array],
    matrices: Sequence[Array],
    candidates: Sequence[float],
    masses: Sequence[float],
    root_mass: float,
    floor: float = 1e-4,
) -> float:
    """Return the candidate width with the most perfect trees; the first of equals.

    Args:
        p4_batches: arrays (B, n, 4), equal n in each.
        matrices: their true matrices, (B, n, n).
    """
    perfect = []
    for width in candidates:
        decoder = MasslineDecoder(masses, root_mass, width, floor)
        perfect.append(sum(
            int((decoder.decode(p4).matrix == truth).all((1, 2)).sum())
            for p4, truth in zip(p4_batches, matrices, strict=True)
        ))
    return float(candidates[int(np.argmax(perfect))])


@njit(cache=True, nogil=True)
def _next_choice(choice: Array, k: int, n: int) -> bool:
    """Step to the next k of n in lexical order; False after the last."""
    i = k - 1
    while i >= 0 and choice[i] == n - k + i:
        i -= 1
    if i < 0:
        return False
    choice[i] += 1
    for j in range(i + 1, k):
        choice[j] = choice[j - 1] + 1
    return True


@njit(cache=True, nogil=True)
def _best_merge(
    total: Array, size: Array, height: Array, known: Array, available: float,
    options: MassOptions, top: int, best: Array,
) -> tuple[int, float]:
    """Write the blocks of the best merge to `best`; return how many and its score, (0, 0) if none."""
    blocks, found, score, fewest = len(size), 0, 0.0, 0
    choice, summed = np.empty(MAX_CHILDREN, dtype=np.int64), np.empty(20)
    for k in range(2, min(MAX_CHILDREN, blocks - 1) + 1):
        choice[:k] = np.arange(k)
        while True:
            summed[:] = 0.0
            leaves, highest = 0, 0
            for c in choice[:k]:
                summed += total[c]
                leaves += size[c]
                highest = max(highest, height[c])
            # One generation is kept for the root.
            if highest + 2 <= top:
                new = mass_score(summed, known, available, options)
                if new > 0.0 and (found == 0 or leaves < fewest or (leaves == fewest and new > score)):
                    found, score, fewest = k, new, leaves
                    best[:k] = choice[:k]
            if not _next_choice(choice, k, blocks):
                break
    return found, score


@njit(cache=True, nogil=True)
def _build_up(
    p4: Array, known: Array, root: Array, options: MassOptions, top: int, matrix: Array, score: Array
) -> None:
    events, n = p4.shape[:2]
    best = np.empty(MAX_CHILDREN, dtype=np.int64)
    for event in range(events):
        total, size, height = np.zeros((n, 20)), np.ones(n, dtype=np.int64), np.zeros(n, dtype=np.int64)
        label = np.arange(n)
        for i in range(n):
            leaf_terms(p4[event, i], total[i])
        available = available_energy(p4[event], root[0])
        blocks = n
        while True:
            found, gain = _best_merge(
                total[:blocks], size[:blocks], height[:blocks], known, available, options, top, best)
            if found == 0:
                break
            score[event] += gain
            blocks = _merge(total, size, height, label, blocks, best[:found], matrix[event])
        everything = np.arange(blocks)
        _merge(total, size, height, label, blocks, everything, matrix[event])
        score[event] += mass_score(total[0], root, available, options)


@njit(cache=True, nogil=True)
def _merge(total: Array, size: Array, height: Array, label: Array, blocks: int, chosen: Array, matrix: Array) -> int:
    """Merge the chosen blocks (ascending) into the first of them; return how many are left."""
    first = chosen[0]
    above = 1
    for c in chosen:
        above = max(above, height[c] + 1)
    inside = np.zeros(blocks, dtype=np.bool_)
    for c in chosen:
        inside[c] = True
    for i in range(len(label)):
        for j in range(len(label)):
            if label[i] != label[j] and inside[label[i]] and inside[label[j]]:
                matrix[i, j] = above
    moved, left = np.empty(blocks, dtype=np.int64), 0
    for c in range(blocks):
        if inside[c] and c != first:
            moved[c] = first
            total[first] += total[c]
            size[first] += size[c]
        else:
            moved[c] = left
            total[left], size[left], height[left] = total[c], size[c], height[c]
            left += 1
    height[first] = above
    for i in range(len(label)):
        label[i] = moved[label[i]]
    return left
