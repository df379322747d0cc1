"""Candidate pairs of slices, scored and taken one to one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from ....io.ragged import Array, Columns
from ....nn.matching import matching_marginals
from ..classical.sorter import ragged
from ..coincidences import Pairs, joined
from .candidates import Candidates, candidates
from .features import PairFeatures, pair_features
from .mixture import Ends, Mixture, ends_of
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
    """Return the pairs of slices whose probability is at least `min_score`, prompt and delayed ones.

    The probability is that of the pair in a random matching, see `matching_marginals`: at 0.5 or more no
    single is in two pairs. Delayed pairs pass the same scorer, and compete as randoms do with the true
    pairs of their singles: see `_with_delayed`.

    Args:
        window, offset: ps; there are no delayed pairs if the offset is 0.
    """
    prompt = candidates(examples, window)
    ends = ends_of(examples, prompt)
    n = len(ragged(examples, "time").flat)
    taken = _taken(prompt, ends, mixture, scorer, min_score, n)
    pairs = _pairs(prompt, *taken, False)
    if not offset:
        return pairs
    delayed = candidates(examples, window, offset)
    nodes, all_ends = _with_delayed(prompt, ends, delayed, ends_of(examples, delayed), n)
    probability, size = _scored(nodes, all_ends, mixture, scorer, 2 * n)
    last = slice(2 * len(prompt.dt), None)
    kept = probability[last] >= min_score
    return joined(pairs, _pairs(delayed, kept, probability[last], size[last], True))


def _with_delayed(prompt: Candidates, ends: Ends, delayed: Candidates, delayed_ends: Ends, n: int) -> tuple[Candidates, Ends]:
    """Return what the singles would be candidates for if those of now and those of then came together.

    Each single is two nodes, one of now and one of then, and prompt pairs join both kinds among
    themselves. So a delayed pair, of one of now with one of then, has the rivals that a random pair has;
    only randoms compete twice as much with each other as they really do.
    """
    nodes = Candidates(
        np.concatenate([prompt.first, prompt.first + n, delayed.first]),
        np.concatenate([prompt.second, prompt.second + n, delayed.second + n]),
        np.concatenate([prompt.dt, prompt.dt, delayed.dt]))
    joined_ends = Ends(*(np.concatenate([getattr(ends, name), getattr(ends, name), getattr(delayed_ends, name)])
                         for name in ("p", "q", "dt", "energy")))
    return nodes, joined_ends


def _taken(pairs: Candidates, ends: Ends, mixture: Mixture, scorer: Scorer, min_score: float, n: int) -> tuple[Array, Array, Array]:
    probability, size = _scored(pairs, ends, mixture, scorer, n)
    return probability >= min_score, probability, size


def _scored(pairs: Candidates, ends: Ends, mixture: Mixture, scorer: Scorer, n: int) -> tuple[Array, Array]:
    """Return the probability of each pair, and how many pairs its singles are in."""
    features = pair_features(pairs, ends, mixture, n)
    probability, _ = matching_marginals(n, pairs.first, pairs.second, scorer(features, pairs, n))
    degree = np.bincount(np.concatenate([pairs.first, pairs.second]), minlength=n)
    return probability, degree[pairs.first] + degree[pairs.second]


def _pairs(pairs: Candidates, taken: Array, probability: Array, size: Array, delayed: bool) -> Pairs:
    return Pairs(pairs.first[taken], pairs.second[taken], probability[taken].astype(np.float32), size[taken].astype(np.int32),
                 np.full(int(taken.sum()), delayed))
