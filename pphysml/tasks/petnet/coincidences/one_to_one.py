"""Pairs that are taken by their probability in a random matching, prompt and delayed ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....io.ragged import Array
from ....nn.matching_marginals import LARGEST_WEIGHT, matching_marginals
from .candidates import Candidates
from .pair_choice import chosen
from .pairs import CANDIDATE, DELAYED, PROMPT, Pairs, joined


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


def probability_of(prompt: Scored) -> Array:
    """Return the probability that each prompt pair is wanted, (P,)."""
    return _marginals(prompt) * prompt.share


def taken(prompt: Scored, delayed: Scored | None, min_score: float, listed: float | None = None) -> tuple[Pairs, Array]:
    """Return the pairs whose probability is at least `min_score`: prompt ones, no single in two of them, then delayed ones.

    And the probability that each prompt pair is right, wanted or not, (P,).

    Args:
        listed: smallest probability of the prompt pairs that come behind them as candidates; none for None.
    """
    pairs, marginal = prompt.pairs, _marginals(prompt)
    probability, degree = marginal * prompt.share, _per_single(prompt)
    multiplicity = degree[pairs.first] + degree[pairs.second]
    kept = chosen(pairs.first, pairs.second, probability, min_score)
    parts = [_pairs(pairs, probability, multiplicity, kept, PROMPT)]
    if delayed is not None:
        late, of_late = delayed.pairs, delayed_probability(prompt, marginal, delayed)
        # Of a delayed pair its own two singles are besides those of the prompt window.
        parts.append(_pairs(late, of_late, degree[late.first] + degree[late.second] + 2, of_late >= min_score, DELAYED))
    if listed is not None:
        parts.append(_pairs(pairs, probability, multiplicity, probability >= listed, CANDIDATE))
    return joined(*parts), marginal


def delayed_probability(prompt: Scored, marginal: Array, delayed: Scored) -> Array:
    """Return the probability that each delayed pair would be wanted if its singles had come at the same time, (P,).

    Among the prompt pairs that there are at its two singles, which would be rivals of a random pair, one pair of factor x has
    the odds x f f', with the probabilities f that each single is in no prompt pair: all matchings with it over those without. Each
    delayed pair is looked at as if there were no other, since randoms that are its rivals are among the prompt ones.

    Args:
        marginal: probability of the prompt pairs, (P,).
    """
    free = np.clip(1.0 - _per_single(prompt, marginal), 0.0, 1.0)
    odds = np.exp(np.minimum(delayed.logit, LARGEST_WEIGHT)) * free[delayed.pairs.first] * free[delayed.pairs.second]
    found: Array = odds / (1.0 + odds) * delayed.share
    return found


def _marginals(scored: Scored) -> Array:
    return matching_marginals(scored.n, scored.pairs.first, scored.pairs.second, scored.logit)[0]


def _per_single(scored: Scored, weight: Array | None = None) -> Array:
    """Return the sum over the pairs of each single, (n,)."""
    pairs = scored.pairs
    return sum((np.bincount(ends, weight, scored.n) for ends in (pairs.first, pairs.second)), np.zeros(scored.n))


def _pairs(pairs: Candidates, probability: Array, multiplicity: Array, kept: Array, kind: int) -> Pairs:
    return Pairs(pairs.first[kept], pairs.second[kept], probability[kept], multiplicity[kept].astype(np.int32), np.full(int(kept.sum()), kind, dtype=np.int8))
