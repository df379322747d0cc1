"""What turns scores of trees into probabilities: a temperature, and how much pairs count beside sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from torch import nn

from ....io.ragged import Array, Columns, Ragged, slice_rows
from ..config import ApplyConfig
from ..config.model import ModelConfig
from ..decode import decode_exact, log_partition, tree_score
from ..trees.validity_rules import ValidityRules
from .batches import dense_matrices
from .scores import Scores, network_scores

MAX_EVENTS = 2000
Truth = tuple[Array, Array]
"""Matrices (B, n, n) and background leaves (B, n)."""
WORST = 50.0
"""Largest surprise of one event, so that a truth that the network excludes does not decide alone."""
CERTAIN = 1e-7
"""Probabilities this close to 1 stay as they are: there is one possible tree, or no doubt."""


class Calibration(NamedTuple):
    """Numbers fitted after training.

    Attributes:
        temperature: scores are divided by it.
        pair_weight: factor of the scores of pairs where sets of leaves are scored too; both tell
            much of the same, and there are more pairs than nodes.
        slope, offset: of the decoded tree's log-odds, which are best known where they are used.
        background_slope, background_offset: of the log-odds of a leaf being in no tree.
    """

    temperature: float = 1.0
    pair_weight: float = 1.0
    slope: float = 1.0
    offset: float = 0.0
    background_slope: float = 1.0
    background_offset: float = 0.0

    def background(self, scores: Scores) -> Array | None:
        """Return the probability of each leaf to be in no tree, (B, n), if there are scores of leaves."""
        if scores.background is None:
            return None
        probability: Array = expit(self.background_slope * scores.background + self.background_offset)
        return probability

    def probability(self, score: Array, log_z: Array) -> Array:
        """Return the probability of trees from their scores and the `log_partition` at the temperature."""
        share = np.exp(np.minimum(score / self.temperature - log_z, 0))
        if (self.slope, self.offset) == (1.0, 0.0):
            return share
        certain = share >= 1 - CERTAIN
        odds = np.log(np.clip(share, 1e-30, 1 - CERTAIN)) - np.log1p(-np.clip(share, 1e-30, 1 - CERTAIN))
        return np.where(certain, share, 1 / (1 + np.exp(-(self.slope * odds + self.offset))))

    @classmethod
    def stored(cls, finished: Mapping[str, Array]) -> Calibration:
        """Return what `learner.LcagLearner.finish` stored with the weights."""
        return cls(**{name: float(finished[name]) for name in cls._fields if name in finished})


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
    network: nn.Module, examples: Columns, config: ApplyConfig, rules: ValidityRules, start: Calibration = UNCALIBRATED
) -> Calibration:
    """Return the numbers that maximise the likelihood of the true trees under exp(score / T) / Z(T).

    The score adds log-probabilities of dependent parts, so it is too sure of itself; a temperature
    mends that (C. Guo et al., arXiv:1706.04599, section 4.2). What is left where it matters most, at
    the decoded trees, slope and offset take (J. Platt, 1999). Without usable events nothing changes;
    a `start` without pairs stays so.
    """
    parts = _true_scores(network, slice_rows(examples, 0, MAX_EVENTS), config)
    if not parts:
        return start

    def surprise(at: Array) -> float:
        temperature, weight = _temperature(at[0]), float(np.clip(at[1], 0, 1))
        total = 0.0
        for scores, of_pairs, of_others, _ in parts:
            sums = log_partition(scores.pairs * np.float32(weight), scores.clades, temperature, **scores.forest, gap_free=rules.gap_free)
            total += np.minimum(sums - (weight * of_pairs + of_others) / temperature, WORST).sum()
        return total / sum(len(part[0].rows) for part in parts)

    if parts[0][0].clades is None or start.pair_weight == 0:
        found = _minimum(lambda at: surprise(np.array([at[0], start.pair_weight])), np.array([[0.0], [0.5]]))
        fitted = Calibration(_temperature(found[0]), start.pair_weight)
    else:
        found = _minimum(surprise, np.array([[0.0, 1.0], [0.5, 1.0], [0.0, 0.5]]))
        fitted = Calibration(_temperature(found[0]), float(np.clip(found[1], 0, 1)))
    truths = [(scores, truth) for scores, _, _, truth in parts]
    slope, offset = _fit_odds(*_decoded_odds(truths, fitted, rules))
    fitted = fitted._replace(slope=slope, offset=offset)
    leaves = [(scores.background.ravel(), truth[1].ravel()) for scores, truth in truths if scores.background is not None]
    if not leaves:
        return fitted
    slope, offset = _fit_odds(*(np.concatenate(column) for column in zip(*leaves, strict=True)))
    return fitted._replace(background_slope=slope, background_offset=offset)


def _decoded_odds(parts: list[tuple[Scores, Truth]], fitted: Calibration, rules: ValidityRules) -> tuple[Array, Array]:
    """Return the log-odds of the decoded trees, and whether they are right; of those in doubt."""
    shares, rights = [], []
    for scores, truth in parts:
        scores = weighted(scores, fitted)
        decoded = decode_exact(scores.pairs, scores.clades, **scores.forest, gap_free=rules.gap_free)
        total = log_partition(scores.pairs, scores.clades, fitted.temperature, **scores.forest, gap_free=rules.gap_free)
        shares.append(fitted.probability(decoded.score, total))
        rights.append((decoded.matrix == truth[0]).all((1, 2)) & (decoded.background == truth[1]).all(1))
    share, right = np.clip(np.concatenate(shares), 1e-30, 1), np.concatenate(rights)
    doubtful = share < 1 - CERTAIN
    return np.log(share[doubtful]) - np.log1p(-share[doubtful]), right[doubtful]


def _fit_odds(odds: Array, right: Array) -> tuple[float, float]:
    """Return slope and offset of log-odds that maximise the likelihood of what is right and wrong."""

    def surprise(at: Array) -> float:
        sign = np.where(right, -1.0, 1.0)
        # The last term is worth a few events: it keeps 1 and 0 where next to nothing is ever wrong.
        return float(np.logaddexp(0, sign * (at[0] * odds + at[1])).sum() + 2 * ((at[0] - 1) ** 2 + at[1] ** 2))

    found = minimize(surprise, [1.0, 0.0], method="BFGS").x
    return float(np.clip(found[0], 0.2, 5)), float(np.clip(found[1], -20, 20))


def _minimum(function: Callable[[Array], float], simplex: Array) -> Array:
    options = {"xatol": 0.02, "fatol": 1e-3, "initial_simplex": simplex}
    found: Array = minimize(function, simplex[0], method="Nelder-Mead", options=options).x
    return found


def _temperature(log_temperature: float) -> float:
    return float(np.exp(np.clip(log_temperature, np.log(0.2), np.log(20))))


def _true_scores(
    network: nn.Module, examples: Columns, config: ApplyConfig
) -> list[tuple[Scores, Array, Array, Truth]]:
    """Return scores, of the true trees the score of the pairs and of all else, and these trees."""
    truth, background = examples["lcag"], examples.get("background")
    assert isinstance(truth, Ragged)
    parts = []
    for scores in network_scores(network, examples, config.batch_size, next(network.parameters()).device):
        n = scores.pairs.shape[1]
        if not 3 <= n <= config.exact_max_leaves:
            continue
        matrices = dense_matrices(truth.take(scores.rows), np.full(len(scores.rows), n), n)
        strays = (background.take(scores.rows).flat.reshape(-1, n) if isinstance(background, Ragged)
                  else np.zeros((len(matrices), n), dtype=np.bool_))
        total = tree_score(scores.pairs, scores.clades, matrices, **scores.forest, background=strays)
        others = tree_score(np.zeros_like(scores.pairs), scores.clades, matrices, **scores.forest, background=strays)
        parts.append((scores, total - others, others, (matrices, strays)))
    return parts
