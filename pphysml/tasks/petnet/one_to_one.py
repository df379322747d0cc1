"""Pairs that are taken by their probability in a random matching, prompt and delayed ones."""

from __future__ import annotations

import numpy as np

from ...io.ragged import Array
from ...nn.matching import matching_marginals
from .coincidences import Pairs
from .pairs.candidates import Candidates


def now_and_then(prompt: Candidates, delayed: Candidates, n: int) -> Candidates:
    """Return what n singles would be candidates for if those of now and those of then came together.

    Each single is two nodes, one of now and one of then, and prompt pairs join both kinds among themselves:
    the prompt pairs of now, those of then, and the delayed pairs come one after the other. So a delayed pair,
    of one of now with one of then, has the rivals that a random pair has; only randoms compete twice as much
    with each other as they really do.
    """
    return Candidates(
        np.concatenate([prompt.first, prompt.first + n, delayed.first]),
        np.concatenate([prompt.second, prompt.second + n, delayed.second + n]),
        np.concatenate([prompt.dt, prompt.dt, delayed.dt]))


def taken_prompt(pairs: Candidates, logit: Array, n: int, min_score: float) -> Pairs:
    """Return the pairs of n singles whose probability is at least `min_score`; at 0.5 or more no single is in two.

    Args:
        logit: logarithms of the pairs' factors, (P,); see `matching_marginals`.
    """
    return _taken(pairs, *_probability(pairs, logit, n), min_score, False)


def taken_delayed(delayed: Candidates, nodes: Candidates, logit: Array, n: int, min_score: float) -> Pairs:
    """Return the delayed pairs whose probability is at least `min_score`.

    Args:
        nodes, logit: of all pairs that `now_and_then` returns.
    """
    probability, size = _probability(nodes, logit, 2 * n)
    begin = len(nodes.dt) - len(delayed.dt)
    return _taken(delayed, probability[begin:], size[begin:], min_score, True)


def _probability(pairs: Candidates, logit: Array, n: int) -> tuple[Array, Array]:
    """Return the probability of each pair, and how many pairs its singles are in."""
    probability, _ = matching_marginals(n, pairs.first, pairs.second, logit)
    degree = np.bincount(np.concatenate([pairs.first, pairs.second]), minlength=n)
    return probability, degree[pairs.first] + degree[pairs.second]


def _taken(pairs: Candidates, probability: Array, size: Array, min_score: float, delayed: bool) -> Pairs:
    taken = probability >= min_score
    return Pairs(pairs.first[taken], pairs.second[taken], probability[taken], size[taken], np.full(int(taken.sum()), delayed))
