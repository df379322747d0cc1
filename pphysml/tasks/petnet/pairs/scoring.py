"""Candidate pairs of slices, scored and taken one to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from ....io.ragged import Array, Columns
from ..choice import EVEN, best_threshold
from ..classical.sorter import ragged
from ..coincidences import Pairs, joined
from ..one_to_one import Scored, now_and_then, probability_of, taken_delayed, taken_prompt
from .candidates import Candidates, candidates
from .features import PairFeatures, pair_features
from .mixture import Ends, Mixture, ends_of, joined_ends
from .network import PairNetwork

Scorer = Callable[[PairFeatures, Candidates, int], Array]
"""Features of pairs, the pairs and the number of their singles to the logarithms of their factors, (P,)."""


class Choice(NamedTuple):
    """Which pairs are taken.

    Attributes:
        window, offset: ps; there are no delayed pairs if the offset is 0.
        min_score: smallest probability.
        unscattered: only true pairs whose photons were not scattered in the object.
    """

    window: float
    offset: float = 0.0
    min_score: float = EVEN
    unscattered: bool = False


def by_likelihood(features: PairFeatures, pairs: Candidates, n_singles: int) -> Array:
    """Score pairs by what the data tell alone."""
    return features.log_ratio


def by_network(network: PairNetwork) -> Scorer:
    """Return a scorer that corrects the likelihood with a network."""
    device = next(network.parameters()).device

    def score(features: PairFeatures, pairs: Candidates, n_singles: int) -> Array:
        """Return the logarithms of the pairs' factors, as the network tells them."""
        with torch.no_grad():
            found, _ = network(
                torch.from_numpy(features.values).to(device), torch.from_numpy(features.log_ratio.astype(np.float32)).to(device),
                torch.from_numpy(pairs.first).to(device), torch.from_numpy(pairs.second).to(device), n_singles)
        scores: Array = found.cpu().numpy().astype(np.float64)
        return scores

    return score


def take_pairs(examples: Columns, mixture: Mixture, scorer: Scorer, choice: Choice) -> Pairs:
    """Return the pairs of slices that are probable enough, prompt and delayed ones; see `one_to_one`."""
    n = len(ragged(examples, "time").flat)
    prompt = candidates(examples, choice.window)
    ends = ends_of(examples, prompt)
    pairs = taken_prompt(_scored(prompt, ends, mixture, scorer, choice, n), choice.min_score)
    if not choice.offset:
        return pairs
    delayed = candidates(examples, choice.window, choice.offset)
    nodes = now_and_then(prompt, delayed, n)
    scored = _scored(nodes, joined_ends(ends, ends, ends_of(examples, delayed)), mixture, scorer, choice, 2 * n)
    return joined(pairs, taken_delayed(delayed, scored, choice.min_score))


def best_min_score(examples: Columns, mixture: Mixture, scorer: Scorer, choice: Choice) -> float:
    """Return the smallest probability for the largest expected F1 of the prompt pairs; see `best_threshold`."""
    prompt, n = candidates(examples, choice.window), len(ragged(examples, "time").flat)
    return best_threshold(probability_of(_scored(prompt, ends_of(examples, prompt), mixture, scorer, choice, n)))


def _scored(pairs: Candidates, ends: Ends, mixture: Mixture, scorer: Scorer, choice: Choice, n: int) -> Scored:
    score = scorer(pair_features(pairs, ends, mixture, n), pairs, n)
    return Scored(pairs, n, score, mixture.unscattered_share(ends) if choice.unscattered else 1.0)
