"""Decode what the network says of events: the road from scores to trees."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ....io.ragged import Array, Columns, Ragged, length
from ..config import ApplyConfig
from ..decode import Decoded, decode_exact, decode_search, log_partition, tree_score
from ..output.columns import Reconstruction
from ..trees.validity_rules import ValidityRules
from .calibration import UNCALIBRATED, Calibration, weighted
from .scores import Scores, network_scores


def reconstruct(
    network: nn.Module,
    examples: Columns,
    config: ApplyConfig,
    rules: ValidityRules,
    device: torch.device,
    calibration: Calibration = UNCALIBRATED,
) -> Reconstruction:
    """Return a tree, or a forest, for every event; those with only one possible are not decoded."""
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    found = _Found(p4, length(examples), rules)
    for scores in network_scores(network, examples, config.batch_size, device):
        best = most_probable(scores.pairs, rules)
        if config.decode == "argmax":
            decoded, probability, exact = _as_it_is(scores, best), np.full(len(best), -1.0), False
        else:
            exact = scores.pairs.shape[1] <= config.exact_max_leaves
            decoded, probability = _decode(weighted(scores, calibration), config, rules, exact, calibration)
        found.fill(scores, best, decoded, probability, exact, calibration.background(scores))
    return found.reconstruction


class _Found:
    """Columns that are filled one size of events after the other."""

    def __init__(self, p4: Ragged, events: int, rules: ValidityRules) -> None:
        n, leaves = p4.counts, p4.offsets
        pairs = int((n * n).sum())
        self.lcag = Ragged.from_counts(np.zeros(pairs, dtype=np.uint8), n * n)
        self.raw = Ragged.from_counts(np.zeros(pairs, dtype=np.uint8), n * n)
        self.prob = Ragged.from_counts(np.ones(pairs, dtype=np.float32), n * n)
        self.background = Ragged(np.zeros(leaves[-1], dtype=np.bool_), leaves)
        self.bkg_prob = Ragged(np.zeros(leaves[-1], dtype=np.float32), leaves)
        self.score, self.margin = np.zeros(events, dtype=np.float32), np.full(events, np.inf, dtype=np.float32)
        self.tree_prob, self.exact = np.ones(events, dtype=np.float32), np.ones(events, dtype=np.bool_)
        self.forest = rules.forest
        self.hypothesis: Ragged | None = None
        self.hypothesis_prob = Ragged(np.ones(leaves[-1], dtype=np.float32), leaves)

    def fill(
        self, scores: Scores, best: Array, decoded: Decoded, probability: Array, exact: bool, bkg_prob: Array | None
    ) -> None:
        """Write what was found of events of one size."""
        rows, size = scores.rows, scores.pairs.shape[1]
        self.score[rows], self.margin[rows] = decoded.score, decoded.margin
        self.tree_prob[rows], self.exact[rows] = probability, exact
        where = self.lcag.offsets[rows][:, None] + np.arange(size * size)
        self.lcag.flat[where] = decoded.matrix.reshape(len(best), -1)
        self.raw.flat[where] = best.reshape(len(best), -1)
        self.prob.flat[where] = _probability(scores.pairs, decoded.matrix).reshape(len(best), -1)
        leaf = self.background.offsets[rows][:, None] + np.arange(size)
        self.background.flat[leaf] = decoded.background
        if scores.hypotheses is not None:
            if self.hypothesis is None:
                self.hypothesis = Ragged(np.zeros(len(self.background.flat), dtype=np.int64), self.background.offsets)
            self.hypothesis.flat[leaf] = scores.hypotheses.argmax(-1)
            self.hypothesis_prob.flat[leaf] = scores.hypotheses.max(-1)
        if bkg_prob is not None:
            self.bkg_prob.flat[leaf] = bkg_prob

    @property
    def reconstruction(self) -> Reconstruction:
        """All of it."""
        return Reconstruction(self.lcag, self.raw, self.prob, self.score, self.margin, self.tree_prob, self.exact,
                              self.background, self.bkg_prob if self.forest else None,
                              self.hypothesis, self.hypothesis_prob if self.hypothesis is not None else None)


def most_probable(pairs: Array, rules: ValidityRules) -> Array:
    """Return the most probable class of each element by itself, uint8 (B, n, n); 0 only in forests."""
    lowest = 0 if rules.forest else 1
    best: Array = pairs[..., lowest:].argmax(-1).astype(np.uint8) + np.uint8(lowest)
    own = np.arange(pairs.shape[1])
    best[:, own, own] = 0
    return best


def _decode(scores: Scores, config: ApplyConfig, rules: ValidityRules, exact: bool, calibration: Calibration) -> tuple[Decoded, Array]:
    """Return trees and their probabilities, -1 where these cannot be summed."""
    if not exact:
        decoded = decode_search(scores.pairs, config.search_rounds, leaf_scores=scores.leaves, gap_free=rules.gap_free)
        return decoded, np.full(len(scores.rows), -1.0)
    decoded = decode_exact(scores.pairs, scores.clades, **scores.forest, gap_free=rules.gap_free)
    total = log_partition(scores.pairs, scores.clades, calibration.temperature, **scores.forest, gap_free=rules.gap_free)
    return decoded, calibration.probability(decoded.score, total)


def _as_it_is(scores: Scores, matrix: Array) -> Decoded:
    """Return the most probable elements as if they were a tree, which they need not be."""
    background = np.zeros(matrix.shape[:2], dtype=np.bool_)
    if scores.leaves is not None:
        background = ~matrix.any(-1) & (scores.leaves[..., 0] > scores.leaves[..., 1])
    score = tree_score(scores.pairs, None, matrix, leaf_scores=scores.leaves, background=background)
    return Decoded(matrix, background, score, np.full(len(matrix), np.nan))


def _probability(log_p: Array, matrix: Array) -> Array:
    """Return the probability of each element's class, 1 on the diagonal."""
    chosen = np.take_along_axis(log_p, matrix[..., None].astype(np.int64), -1)[..., 0]
    own = np.arange(matrix.shape[1])
    chosen[:, own, own] = 0
    probability: Array = np.exp(chosen)
    return probability
