"""Pairs that are taken by their probability in a random matching, prompt and delayed ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...io.ragged import Array
from ...nn.matching import matching_marginals
from .choice import chosen
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


class Scored(NamedTuple):
    """Pairs of n singles and what is known of them.

    Attributes:
        logit: logarithms of the pairs' factors, (P,); see `matching_marginals`.
        share: of those that are right, how many are wanted, (P,), or 1 for all.
    """

    pairs: Candidates
    n: int
    logit: Array
    share: Array | float = 1.0


def probability_of(scored: Scored) -> Array:
    """Return the probability that each pair is wanted, (P,)."""
    return _probability(scored)[0]


def taken_prompt(scored: Scored, min_score: float) -> Pairs:
    """Return the pairs whose probability is at least `min_score`, no single in two of them."""
    return _taken(scored.pairs, *_probability(scored), min_score, False)


def taken_delayed(delayed: Candidates, scored: Scored, min_score: float) -> Pairs:
    """Return the delayed pairs whose probability is at least `min_score`, no single in two of them.

    Args:
        scored: all pairs that `now_and_then` returns.
    """
    probability, size = _probability(scored)
    begin = len(scored.logit) - len(delayed.dt)
    return _taken(delayed, probability[begin:], size[begin:], min_score, True)


def _probability(scored: Scored) -> tuple[Array, Array]:
    """Return the probability of each pair, and how many pairs its singles are in."""
    pairs, n = scored.pairs, scored.n
    probability, _ = matching_marginals(n, pairs.first, pairs.second, scored.logit)
    degree = np.bincount(np.concatenate([pairs.first, pairs.second]), minlength=n)
    return probability * scored.share, degree[pairs.first] + degree[pairs.second]


def _taken(pairs: Candidates, probability: Array, size: Array, min_score: float, delayed: bool) -> Pairs:
    taken = chosen(pairs.first, pairs.second, probability, min_score)
    return Pairs(pairs.first[taken], pairs.second[taken], probability[taken], size[taken], np.full(int(taken.sum()), delayed))
