"""Candidate pairs of slices, scored and taken one to one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ....io.ragged import Array, Columns
from ..classical.sorter import ragged
from ..coincidences import Pairs, joined
from ..one_to_one import now_and_then, taken_delayed, taken_prompt
from .candidates import Candidates, candidates
from .features import PairFeatures, pair_features
from .mixture import Mixture, ends_of, joined_ends
from .network import PairNetwork

Scorer = Callable[[PairFeatures, Candidates, int], Array]
"""Features of pairs, the pairs and the number of their singles to the logarithms of their factors, (P,)."""


def by_likelihood(features: PairFeatures, pairs: Candidates, n_singles: int) -> Array:
    """Score pairs by what the data tell alone."""
    return features.log_ratio


def by_network(network: PairNetwork) -> Scorer:
    """Return a scorer that corrects the likelihood with a network."""
    device = next(network.parameters()).device

    def score(features: PairFeatures, pairs: Candidates, n_singles: int) -> Array:
        with torch.no_grad():
            found, _ = network(
                torch.from_numpy(features.values).to(device), torch.from_numpy(features.log_ratio.astype(np.float32)).to(device),
                torch.from_numpy(pairs.first).to(device), torch.from_numpy(pairs.second).to(device), n_singles)
        scores: Array = found.cpu().numpy().astype(np.float64)
        return scores

    return score


def take_pairs(examples: Columns, mixture: Mixture, scorer: Scorer, window: float, offset: float, min_score: float) -> Pairs:
    """Return the pairs of slices whose probability is at least `min_score`, prompt and delayed ones; see `one_to_one`.

    Args:
        window, offset: ps; there are no delayed pairs if the offset is 0.
    """
    n = len(ragged(examples, "time").flat)
    prompt = candidates(examples, window)
    ends = ends_of(examples, prompt)
    pairs = taken_prompt(prompt, scorer(pair_features(prompt, ends, mixture, n), prompt, n), n, min_score)
    if not offset:
        return pairs
    delayed = candidates(examples, window, offset)
    nodes = now_and_then(prompt, delayed, n)
    features = pair_features(nodes, joined_ends(ends, ends, ends_of(examples, delayed)), mixture, 2 * n)
    return joined(pairs, taken_delayed(delayed, nodes, scorer(features, nodes, 2 * n), n, min_score))
