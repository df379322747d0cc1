"""Candidate pairs of slices, scored and taken one to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .....io.ragged import Array, Columns, length, ragged
from ...coincidences.candidates import Candidates, candidates, joined_candidates, slice_of
from ...coincidences.one_to_one import Scored, probability_of, taken
from ...coincidences.pair_choice import best_threshold
from ...coincidences.pairs import Pairs
from ...config.engines import EVEN
from ...likelihood.ends import ends_of, joined_ends
from ...likelihood.mixture import Mixture
from .features import PairFeatures, pair_features

Scorer = Callable[[PairFeatures, Candidates, int], tuple[Array, Array]]
"""Features of pairs, the pairs and the number of their singles to the logarithms of their factors, and the probability that
true ones are unscattered, (P,) each."""


class Choice(NamedTuple):
    """Which pairs are taken.

    Attributes:
        window, offset: ps; there are no delayed pairs if the offset is 0.
        min_score: smallest probability.
        unscattered: only true pairs whose photons were not scattered in the object.
        listed: smallest probability of the pairs that are listed as candidates; None lists none.
    """

    window: float
    offset: float = 0.0
    min_score: float = EVEN
    unscattered: bool = False
    listed: float | None = None


def by_likelihood(features: PairFeatures, pairs: Candidates, n_singles: int) -> tuple[Array, Array]:
    """Score pairs by what the data tell alone."""
    return features.log_factor, features.unscattered


class Found(NamedTuple):
    """Pairs of slices.

    Attributes:
        pairs: those that are taken.
        expected: true pairs that are expected in each slice, (slices,).
        prompt: pairs in the window of each slice, (slices,).
    """

    pairs: Pairs
    expected: Array
    prompt: Array


def take_pairs(examples: Columns, mixture: Mixture, scorer: Scorer, choice: Choice) -> Found:
    """Return the pairs of slices that are probable enough, prompt and delayed ones; see `coincidences.one_to_one`."""
    prompt, delayed = _scored(examples, mixture, scorer, choice)
    pairs, probability = taken(prompt, delayed, choice.min_score, choice.listed)
    row = slice_of(examples, prompt.pairs)
    return Found(pairs, np.bincount(row, probability, length(examples)), np.bincount(row, minlength=length(examples)))


def best_min_score(examples: Columns, mixture: Mixture, scorer: Scorer, choice: Choice) -> float:
    """Return the smallest probability for the largest expected F1 of the prompt pairs; see `best_threshold`."""
    prompt, _ = _scored(examples, mixture, scorer, choice._replace(offset=0.0))
    return best_threshold(probability_of(prompt))


def _scored(examples: Columns, mixture: Mixture, scorer: Scorer, choice: Choice) -> tuple[Scored, Scored | None]:
    """Return the prompt pairs, and the delayed ones if these are wanted."""
    n = len(ragged(examples, "time").flat)
    prompt = candidates(examples, choice.window)
    late = [candidates(examples, choice.window, choice.offset)] if choice.offset else []
    pairs = joined_candidates(prompt, *late)
    ends = joined_ends(*(ends_of(examples, of) for of in (prompt, *late)))
    factor, unscattered = scorer(pair_features(pairs, ends, mixture, n, len(prompt.dt)), pairs, n)
    share = unscattered if choice.unscattered else np.ones(len(factor))
    parts = [Scored(of, n, factor[rows], share[rows]) for of, rows in zip((prompt, *late), (slice(len(prompt.dt)), slice(len(prompt.dt), None)), strict=False)]
    return parts[0], parts[1] if late else None
