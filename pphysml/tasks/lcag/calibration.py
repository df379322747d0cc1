"""What turns scores of trees into probabilities: a temperature, and how much pairs count beside sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from torch import nn

from ...io.ragged import Array, Columns, Ragged, slice_rows
from .config import ApplyConfig, ModelConfig
from .data import dense_matrices
from .decode import log_partition, tree_score
from .rules import Rules
from .scores import Scores, network_scores

MAX_EVENTS = 1000
WORST = 50.0
"""Largest surprise of one event, so that a truth that the network excludes does not decide alone."""


class Calibration(NamedTuple):
    """Numbers fitted after training.

    Attributes:
        temperature: scores are divided by it.
        pair_weight: factor of the scores of pairs where sets of leaves are scored too; both tell
            much of the same, and there are more pairs than nodes.
    """

    temperature: float = 1.0
    pair_weight: float = 1.0

    @classmethod
    def stored(cls, finished: Mapping[str, Array]) -> Calibration:
        """Return what `LcagLearner.finish` stored with the weights."""
        return cls(*(float(finished[name]) if name in finished else 1.0 for name in cls._fields))


UNCALIBRATED = Calibration()


def before_fit(config: ModelConfig) -> Calibration:
    """Return what holds while a network is trained: pairs have no part in a loss of whole trees."""
    return Calibration(pair_weight=0.0 if config.tree_loss_weight > 0 else 1.0)


def weighted(scores: Scores, calibration: Calibration) -> Scores:
    """Return the scores as the decoder takes them."""
    if scores.clades is None or calibration.pair_weight == 1:
        return scores
    return scores._replace(pairs=scores.pairs * np.float32(calibration.pair_weight))


def fit_calibration(
    network: nn.Module, examples: Columns, config: ApplyConfig, rules: Rules, start: Calibration = UNCALIBRATED
) -> Calibration:
    """Return the numbers that maximise the likelihood of the true trees under exp(score / T) / Z(T).

    The score adds log-probabilities of dependent parts, so it is too sure of itself; a temperature
    mends that (C. Guo et al., arXiv:1706.04599, section 4.2). Without usable events nothing changes;
    a `start` without pairs stays so.
    """
    parts = list(_true_scores(network, slice_rows(examples, 0, MAX_EVENTS), config))
    if not parts:
        return start

    def surprise(at: Array) -> float:
        temperature, weight = _temperature(at[0]), float(np.clip(at[1], 0, 1))
        total = 0.0
        for scores, of_pairs, of_others in parts:
            sums = log_partition(scores.pairs * np.float32(weight), scores.clades, temperature, **scores.forest, gap_free=rules.gap_free)
            total += np.minimum(sums - (weight * of_pairs + of_others) / temperature, WORST).sum()
        return total / sum(len(scores.rows) for scores, _, _ in parts)

    if parts[0][0].clades is None or start.pair_weight == 0:
        found = _minimum(lambda at: surprise(np.array([at[0], start.pair_weight])), np.array([[0.0], [0.5]]))
        return Calibration(_temperature(found[0]), start.pair_weight)
    found = _minimum(surprise, np.array([[0.0, 1.0], [0.5, 1.0], [0.0, 0.5]]))
    return Calibration(_temperature(found[0]), float(np.clip(found[1], 0, 1)))


def _minimum(function: Callable[[Array], float], simplex: Array) -> Array:
    options = {"xatol": 0.02, "fatol": 1e-3, "initial_simplex": simplex}
    found: Array = minimize(function, simplex[0], method="Nelder-Mead", options=options).x
    return found


def _temperature(log_temperature: float) -> float:
    return float(np.exp(np.clip(log_temperature, np.log(0.2), np.log(20))))


def _true_scores(network: nn.Module, examples: Columns, config: ApplyConfig) -> list[tuple[Scores, Array, Array]]:
    """Return scores, and of the true trees the score of the pairs and of all else."""
    truth, background = examples["lcag"], examples.get("background")
    assert isinstance(truth, Ragged)
    parts = []
    for scores in network_scores(network, examples, config.batch_size, next(network.parameters()).device):
        n = scores.pairs.shape[1]
        if not 3 <= n <= config.exact_max_leaves:
            continue
        matrices = dense_matrices(truth.take(scores.rows), np.full(len(scores.rows), n), n)
        strays = background.take(scores.rows).flat.reshape(-1, n) if isinstance(background, Ragged) else None
        total = tree_score(scores.pairs, scores.clades, matrices, **scores.forest, background=strays)
        others = tree_score(np.zeros_like(scores.pairs), scores.clades, matrices, **scores.forest, background=strays)
        parts.append((scores, total - others, others))
    return parts
