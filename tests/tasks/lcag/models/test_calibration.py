"""The fitted numbers recover those that the true trees were drawn with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.config import ApplyConfig
from pphysml.tasks.lcag.config.model import ModelConfig
from pphysml.tasks.lcag.decode import tree_score
from pphysml.tasks.lcag.models import calibration
from pphysml.tasks.lcag.models.scores import Scores
from pphysml.tasks.lcag.trees.nested_trees import enumerate_trees
from pphysml.tasks.lcag.trees.validity_rules import ONE_TREE, ValidityRules


def fitted(monkeypatch, temperature, pair_weight, with_sets, seed=3, events=900, n=4):
    rng = np.random.default_rng(seed)
    trees = np.array(enumerate_trees(n))
    pairs = rng.normal(size=(events, n, n, 8)).astype(np.float32) * 1.5
    pairs = pairs + pairs.transpose(0, 2, 1, 3)
    sets = rng.normal(size=(events, 1 << n, 8)).astype(np.float32) * 2 if with_sets else None
    score = np.stack([
        tree_score(pairs * np.float32(pair_weight), sets, np.repeat(tree[None], events, 0)) for tree in trees], 1)
    probability = np.exp((score - score.max(1, keepdims=True)) / temperature)
    probability /= probability.sum(1, keepdims=True)
    drawn = (probability.cumsum(1) < rng.random((events, 1))).sum(1)
    truth = Ragged.from_counts(trees[drawn].reshape(-1), np.full(events, n * n))
    monkeypatch.setattr(calibration, "network_scores", lambda *_: iter([Scores(np.arange(events), pairs, sets)]))
    return calibration.fit_calibration(torch.nn.Linear(1, 1), {"lcag": truth}, ApplyConfig(), ONE_TREE)


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.5])
def test_temperature_of_drawn_trees_is_recovered(monkeypatch, temperature):
    found = fitted(monkeypatch, temperature, 1.0, False)
    assert found.temperature == pytest.approx(temperature, rel=0.12) and found.pair_weight == 1


@pytest.mark.parametrize(("temperature", "pair_weight"), [(1.0, 0.0), (1.5, 0.4), (1.0, 1.0)])
def test_weight_of_pairs_beside_sets_is_recovered(monkeypatch, temperature, pair_weight):
    found = fitted(monkeypatch, temperature, pair_weight, True)
    assert found.temperature == pytest.approx(temperature, rel=0.15)
    assert found.pair_weight == pytest.approx(pair_weight, abs=0.1)


def test_probabilities_that_are_right_are_left_alone(monkeypatch):
    found = fitted(monkeypatch, 1.3, 0.6, True, events=2000)
    assert found.slope == pytest.approx(1, abs=0.2) and found.offset == pytest.approx(0, abs=0.25)


def test_probability_of_background_is_that_of_the_leaves(monkeypatch):
    rng = np.random.default_rng(6)
    events, n = 1500, 4
    odds = rng.normal(0, 2, (events, n)).astype(np.float32)
    strays = rng.random((events, n)) < 1 / (1 + np.exp(-(0.7 * odds - 1.2)))
    none = np.zeros((events, n, n, 8), dtype=np.float32)
    leaves = np.stack([odds, np.zeros_like(odds)], -1)
    scores = Scores(np.arange(events), none, None, leaves, background=odds)
    monkeypatch.setattr(calibration, "network_scores", lambda *_: iter([scores]))
    truth = Ragged.from_counts(np.zeros(events * n * n, dtype=np.uint8), np.full(events, n * n))
    examples = {"lcag": truth, "background": Ragged.from_counts(strays.ravel(), np.full(events, n))}
    found = calibration.fit_calibration(torch.nn.Linear(1, 1), examples, ApplyConfig(), ValidityRules(forest=True))
    assert found.background_slope == pytest.approx(0.7, abs=0.06)
    assert found.background_offset == pytest.approx(-1.2, abs=0.12)
    assert found.background(scores).mean() == pytest.approx(strays.mean(), abs=0.01)


def test_slope_and_offset_are_those_of_the_decoded_trees():
    rng = np.random.default_rng(2)
    made = calibration.Calibration(1.0, 0.0, 1.4, -0.5)
    share = rng.uniform(0.02, 0.98, 20_000)
    expected = 1 / (1 + np.exp(-(1.4 * np.log(share / (1 - share)) - 0.5)))
    np.testing.assert_allclose(made.probability(np.log(share), np.zeros(len(share))), expected)
    assert made.probability(np.zeros(1), np.zeros(1))[0] == 1  # one possible tree


def test_without_usable_events_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(calibration, "network_scores", lambda *_: iter([]))
    empty = Ragged.from_counts(np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int64))
    found = calibration.fit_calibration(torch.nn.Linear(1, 1), {"lcag": empty}, ApplyConfig(), ONE_TREE)
    assert found == calibration.UNCALIBRATED


def test_during_a_training_pairs_count_unless_whole_trees_are_what_is_learned():
    for weight, expected in ((0.0, 1.0), (0.5, 0.0)):
        held = calibration.before_fit(ModelConfig(tree_loss_weight=weight))
        assert held == calibration.UNCALIBRATED._replace(pair_weight=expected)
        pairs, sets = np.ones((2, 3, 3, 8), dtype=np.float32), np.ones((2, 8, 8), dtype=np.float32)
        found = calibration.weighted(Scores(np.arange(2), pairs, sets), held)
        assert (found.pairs == expected).all() and (found.clades == 1).all()
        # Where there are no sets, pairs are all there is.
        assert (calibration.weighted(Scores(np.arange(2), pairs, None), held).pairs == 1).all()


def test_what_an_old_model_did_not_store_changes_nothing():
    assert calibration.Calibration.stored({"temperature": np.array(1.7)}) == (1.7, 1.0, 1.0, 0.0, 1.0, 0.0)
