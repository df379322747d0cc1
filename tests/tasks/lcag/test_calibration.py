"""The fitted temperature recovers the one that events were drawn with."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag import calibration
from pphysml.tasks.lcag.config import ApplyConfig
from pphysml.tasks.lcag.decode import tree_score
from pphysml.tasks.lcag.nested_trees import enumerate_trees
from pphysml.tasks.lcag.reconstruct import Scores


@pytest.mark.parametrize("temperature", [0.7, 1.0, 2.5])
def test_temperature_of_drawn_trees_is_recovered(monkeypatch, temperature):
    rng = np.random.default_rng(3)
    events, n = 900, 4
    trees = np.array(enumerate_trees(n))
    pairs = rng.normal(size=(events, n, n, 8)).astype(np.float32) * 1.5
    pairs = pairs + pairs.transpose(0, 2, 1, 3)
    score = np.stack([tree_score(pairs, None, np.repeat(tree[None], events, 0)) for tree in trees], 1)
    probability = np.exp((score - score.max(1, keepdims=True)) / temperature)
    probability /= probability.sum(1, keepdims=True)
    drawn = (probability.cumsum(1) < rng.random((events, 1))).sum(1)
    truth = Ragged.from_counts(trees[drawn].reshape(-1), np.full(events, n * n))
    scores = Scores(np.arange(events), pairs, None)
    monkeypatch.setattr(calibration, "network_scores", lambda *_: iter([scores]))
    found = calibration.fit_temperature(torch.nn.Linear(1, 1), {"lcag": truth}, ApplyConfig())
    assert found == pytest.approx(temperature, rel=0.12)


def test_without_usable_events_nothing_is_changed(monkeypatch):
    monkeypatch.setattr(calibration, "network_scores", lambda *_: iter([]))
    empty = Ragged.from_counts(np.zeros(0, dtype=np.uint8), np.zeros(0, dtype=np.int64))
    assert calibration.fit_temperature(torch.nn.Linear(1, 1), {"lcag": empty}, ApplyConfig()) == 1.0
