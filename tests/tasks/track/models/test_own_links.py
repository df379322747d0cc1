"""A network of the user's own on candidate links: what it sees, and how its log-odds become links."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.config import build
from pphysml.own_network import Code
from pphysml.tasks.track.config import TrackConfig
from pphysml.tasks.track.learner import TrackLearner
from pphysml.tasks.track.models.network_links import assigned
from pphysml.training.sources import assemble_alone

ORACLE = """
import torch
from torch import nn

class Oracle(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.answer = None

    def forward(self, data):
        assert "y" not in data
        if self.answer is None:
            return self.scale * data.edge_attr[:, 0]
        return self.scale * self.answer
"""


@pytest.fixture
def oracle(tmp_path):
    path = tmp_path / "oracle.py"
    path.write_text(ORACLE)
    values = {"model": {"name": f"{path}:Oracle"}, "data": {"protons_per_frame": [12]}}
    return build(TrackConfig, values, "the test", Code())


def frames(config, n):
    from pphysml.registry import get_task

    task = get_task("track")
    simulation = task.simulation(config, 3)
    examples = simulation.examples(0, n)
    return examples if examples is not None else assemble_alone(task.assemble_training, simulation.block(0, n), config)


def test_log_odds_of_the_truth_give_the_true_links(oracle):
    learner = TrackLearner(oracle)
    network, batch = learner.build({}), learner.collate(frames(oracle, 3))
    network.network.answer = torch.where(batch["truth"], 5.0, -5.0)
    found = assigned(network.eval(), batch, oracle)
    deep, shallow = (batch[name][batch["truth"]].numpy() for name in ("deep", "shallow"))
    expected = np.full(len(batch["x"]), -1)
    expected[deep] = shallow
    assert np.array_equal(found.previous, expected) and len(deep) > 100
    assert np.allclose(found.probability[deep], torch.sigmoid(torch.tensor(5.0)))
    loss = learner.losses(network, batch)
    assert sum(float(t.total.detach()) / float(t.count) for t in loss.values()) == pytest.approx(2 * np.log1p(np.exp(-5.0)), rel=1e-4)


def test_a_link_of_negative_log_odds_is_not_taken_unless_every_hit_must_be_linked(oracle):
    learner = TrackLearner(oracle)
    network, batch = learner.build({}).eval(), learner.collate(frames(oracle, 2))
    network.network.answer = torch.full((len(batch["deep"]),), -0.1)
    assert np.all(assigned(network, batch, oracle).previous == -1)
    must = oracle.model_copy(update={"apply": oracle.apply.model_copy(update={"no_link": False})})
    assert np.any(assigned(network, batch, must).previous >= 0)


def test_a_graph_without_links(oracle):
    learner = TrackLearner(oracle.model_copy(update={"data": oracle.data.model_copy(update={"max_angle": 1e-9, "max_front_angle": 1e-9})}))
    batch = learner.collate(frames(oracle, 1))
    assert len(batch["deep"]) == 0
    network = learner.build({})
    assert np.all(assigned(network, batch, oracle).previous == -1)
    terms = learner.losses(network, batch)
    assert terms.keys() == {"front", "rest"}
    sum(term.total for term in terms.values()).backward()
    assert float(network.network.scale.grad) == 0
