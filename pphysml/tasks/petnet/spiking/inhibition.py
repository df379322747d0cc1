"""Lateral inhibition: of pairs that share a single one at most is taken."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....io.ragged import Array
from ....nn.matching import matching_marginals
from ..coincidences import Pairs
from ..pairs.candidates import Candidates


class Scored(NamedTuple):
    """Candidate pairs and the logits of their spikes, (P,)."""

    pairs: Candidates
    logit: Array


def prompt_pairs(prompt: Scored, n: int, min_score: float) -> Pairs:
    """Return the pairs of n singles whose probability in a random matching is at least `min_score`."""
    edges = np.stack([prompt.pairs.first, prompt.pairs.second])
    return _taken(prompt, *_probability(edges, prompt.logit, n), min_score, False)


def delayed_pairs(prompt: Scored, delayed: Scored, n: int, min_score: float) -> Pairs:
    """Return those of the delayed window: the singles of now and those of then as if they came together.

    Each single is two nodes, one of now and one of then, and prompt pairs join both kinds among themselves. So
    a delayed pair, of one of now with one of then, has the rivals that a random pair has.
    """
    now = np.stack([prompt.pairs.first, prompt.pairs.second])
    then = np.stack([delayed.pairs.first, delayed.pairs.second + n])
    edges = np.concatenate([now, now + n, then], axis=1)
    probability, size = _probability(edges, np.concatenate([prompt.logit, prompt.logit, delayed.logit]), 2 * n)
    last = slice(2 * now.shape[1], None)
    return _taken(delayed, probability[last], size[last], min_score, True)


def _probability(edges: Array, logit: Array, n: int) -> tuple[Array, Array]:
    """Return the probability of each edge, and the number of edges at its two nodes together."""
    probability, _ = matching_marginals(n, edges[0], edges[1], logit)
    degree = np.bincount(edges.ravel(), minlength=n)
    return probability, degree[edges].sum(axis=0)


def _taken(scored: Scored, probability: Array, size: Array, min_score: float, delayed: bool) -> Pairs:
    taken = probability >= min_score
    return Pairs(scored.pairs.first[taken], scored.pairs.second[taken], probability[taken], size[taken], np.full(int(taken.sum()), delayed))
