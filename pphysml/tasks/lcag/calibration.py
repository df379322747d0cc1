"""The temperature that turns scores of trees into probabilities."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from ...io.ragged import Columns, Ragged, slice_rows
from .config import ApplyConfig
from .data import dense_matrices
from .decode import log_partition, tree_score
from .models.transformer import LcagTransformer
from .reconstruct import network_scores

MAX_EVENTS = 1000


def fit_temperature(network: LcagTransformer, examples: Columns, config: ApplyConfig) -> float:
    """Return T that maximises the likelihood of the true trees under exp(score / T) / Z(T).

    The score adds log-probabilities of dependent parts, so it is too sure of itself; one number
    mends that (C. Guo et al., arXiv:1706.04599, section 4.2). Returns 1 without usable events.
    """
    examples = slice_rows(examples, 0, MAX_EVENTS)
    truth = examples["lcag"]
    assert isinstance(truth, Ragged)
    parts = []
    device = next(network.parameters()).device
    for scores in network_scores(network, examples, config.batch_size, device):
        n = scores.pairs.shape[1]
        if not 3 <= n <= config.exact_max_leaves:
            continue
        matrices = dense_matrices(truth.take(scores.rows), np.full(len(scores.rows), n), n)
        parts.append((scores, tree_score(scores.pairs, scores.clades, matrices)))
    if not parts:
        return 1.0

    def surprise(log_temperature: float) -> float:
        t = float(np.exp(log_temperature))
        # Bounded, so that a truth that the network excludes does not decide alone.
        return float(sum(
            np.minimum(log_partition(s.pairs, s.clades, t) - true / t, 50).sum() for s, true in parts
        ))

    found = minimize_scalar(surprise, bounds=(np.log(0.2), np.log(20)), method="bounded", options={"xatol": 0.02})
    return float(np.exp(found.x))
