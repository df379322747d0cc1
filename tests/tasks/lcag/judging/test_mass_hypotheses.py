"""Mass hypotheses of leaves: truth, learning what the mass shows, and metrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.errors import InputError
from pphysml.io.ragged import Ragged
from pphysml.model_file import ModelFile
from pphysml.physics.four_vectors import mass
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.judging.mass_hypotheses import compare_hypotheses, hypothesis_metrics
from pphysml.tasks.lcag.learner import LcagLearner
from pphysml.tasks.lcag.models.network_engine import NetworkEngine
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation

IDS = {1.0: 11, 2.0: 13, 3.0: 211, 5.0: 321, 12.0: 2212}


def config(**simulation):
    return LcagConfig(
        simulation={"topology_file": "paper", "max_leaves": 5, "leaf_pdg": list(IDS.values()), **simulation},
        data={"hypotheses": [11, 13, 321, 2212], "forest": simulation.get("background_leaves", 0) > 0},
        model={"width": 16, "pair_width": 8, "blocks": 1, "heads": 2, "clades": False})


@pytest.mark.parametrize("background", [0.0, 0.3])
def test_truth_is_that_of_the_true_mass(background):
    options = config(background_leaves=background)
    examples, _ = assemble(LcagSimulation(options, 1).block(0, 300), None, options)
    expected = [{11: 1, 13: 2, 321: 3, 2212: 4}.get(IDS[m], 0) for m in np.round(mass(examples["p4"].flat)).tolist()]
    assert examples["hypothesis"].flat.tolist() == expected


def test_wrong_hypotheses_keep_their_true_id():
    right, wrong = (LcagSimulation(config(wrong_hypothesis=p), 1).block(0, 300) for p in (0.0, 0.4))
    assert np.array_equal(right["leaf_pdg"].flat, wrong["leaf_pdg"].flat)
    changed = np.array([IDS[m] for m in np.round(mass(np.stack([wrong[k].flat for k in ("px", "py", "pz", "e")], -1))).tolist()])
    assert (changed != wrong["leaf_pdg"].flat).mean() == pytest.approx(0.4, abs=0.05)


def test_leaves_of_node_pdg_say_the_same():
    options = config()
    block = LcagSimulation(options, 2).block(0, 50)
    direct, _ = assemble(dict(block), None, options)
    nodes = [np.concatenate([-leaves, np.full(len(p) - len(leaves), 511)])
             for leaves, p in zip(block["leaf_pdg"], block["parent"], strict=True)]
    block["node_pdg"] = Ragged.from_rows(nodes)
    del block["leaf_pdg"]
    through, _ = assemble(dict(block), None, options)
    assert np.array_equal(direct["hypothesis"].flat, through["hypothesis"].flat)
    del block["node_pdg"]
    with pytest.raises(InputError, match="leaf_pdg"):
        assemble(block, None, options)


def test_what_the_mass_shows_is_learnt_and_written():
    options = config()
    simulation = LcagSimulation(options, 3)
    learner = LcagLearner(options)
    train, _ = assemble(simulation.block(0, 2000), None, options)
    prepared = learner.prepare([train])
    torch.manual_seed(0)
    network = learner.build(prepared)
    optimiser = torch.optim.Adam(network.parameters(), 5e-3)
    batch = learner.collate(train)
    for _ in range(60):
        term = learner.losses(network, batch)["hypotheses"]
        optimiser.zero_grad()
        (term.total / term.count).backward()
        optimiser.step()
    weights = {name: value.numpy() for name, value in network.state_dict().items()}
    engine = NetworkEngine(options, ModelFile({}, weights, prepared, {}, ""), "cpu")
    test, _ = assemble(simulation.block(1, 500), None, options)
    columns = engine(test)
    metrics = {m.name: m.value for m in hypothesis_metrics([compare_hypotheses(test, columns, options.data.hypotheses)])}
    assert metrics["hypothesis_accuracy"] > 0.97
    sure = columns["mass_hypothesis_prob"].flat
    assert set(columns["mass_hypothesis"].flat.tolist()) == {0, 11, 13, 321, 2212} and sure.min() > 0.2 and sure.max() <= 1
    truth = np.array([0, *options.data.hypotheses])[test["hypothesis"].flat]
    assert metrics["hypothesis_accuracy"] == pytest.approx((truth == columns["mass_hypothesis"].flat).mean())
