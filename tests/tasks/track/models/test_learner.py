"""Losses of the learner, its presets, the domain of validity, and where frames for training come from."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pphysml.config import load, preset_names
from pphysml.io.ragged import length, slice_rows
from pphysml.io.reader import Reader
from pphysml.io.sources import resolve
from pphysml.registry import get_task
from pphysml.tasks.track.config import ApplyConfig, TrackConfig
from pphysml.tasks.track.judging.metrics import TrackEvaluator
from pphysml.tasks.track.learner import TrackLearner
from pphysml.tasks.track.models.domain import fit_domain, outside
from pphysml.tasks.track.models.network_links import find_links
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.reading.assemble import assemble_training
from pphysml.tasks.track.schema import LAYOUTS
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.training.sources import TRAINING, VALIDATION, AssembledSource, SimulatedSource
from pphysml.verbs.simulate import simulate

TASK = get_task("track")
SMALL = {"simulation": {"phantoms": [200.0]}, "data": {"protons_per_frame": [15]}}


def configured(**sections):
    return TrackConfig(**{name: {**SMALL.get(name, {}), **sections.get(name, {})} for name in {*SMALL, *sections}})


@pytest.fixture(scope="module")
def frames():
    return TrackSimulation(configured(), 3).examples(0, 6)


def trained(frames, steps, **model):
    learner = TrackLearner(configured(model={"width": 16, "message_width": 8, "rounds": 2, **model}))
    torch.manual_seed(2)
    network = learner.build({})
    batch = learner.collate(frames)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(steps):
        terms = learner.losses(network, batch)
        optimizer.zero_grad()
        sum(t.weight * t.total / t.count for t in terms.values()).backward()
        optimizer.step()
    return learner, network


@pytest.mark.parametrize("relaxation", ["none", "sinkhorn", "spo+", "fenchel-young", "imle", "blackbox", "identity"])
def test_every_relaxation_alone_teaches_links(frames, relaxation):
    alone = {"cross_entropy_weight": 0.0} if relaxation != "none" else {}
    shares = []
    for steps in (0, 60):
        learner, network = trained(frames, steps, relaxation=relaxation, blackbox_strength=5.0, **alone)
        found = learner.validate(network, frames)["links"]
        shares.append(found.total / found.count)
    assert shares[1] > max(0.75, shares[0])


@pytest.mark.parametrize("filters", [{"min_hits": 1}, {"min_hits": 12, "max_kink": 0.05}])
def test_validation_judges_the_tracks_that_applying_keeps(frames, filters):
    learner, network = trained(frames, 20)
    learner.config = learner.config.model_copy(update={"apply": ApplyConfig(filters=filters)})
    evaluator = TrackEvaluator(learner.config)
    evaluator.update(frames, output_columns(frames, find_links(network.eval(), frames, learner.config), learner.config))
    applied = {m.name: m for m in evaluator.result().metrics}["complete_efficiency_primary"]
    found = learner.validate(network, frames)["complete"]
    assert (found.total / found.count, found.count) == (pytest.approx(applied.value), applied.n)
    assert (applied.value > 0.5) == (filters["min_hits"] == 1)


def test_noise_of_a_relaxation_follows_the_global_seed(frames):
    learner, network = trained(frames, 0, relaxation="fenchel-young")
    batch = learner.collate(frames)
    values = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        values.append(float(learner.losses(network, batch)["assignment"].total))
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize("preset", preset_names("pphysml.tasks.track.presets"))
def test_every_preset_has_a_loss_with_a_gradient(preset):
    config = load(TrackConfig, TASK.presets, preset, ["data.protons_per_frame=[10]", "simulation.phantoms=[200]"])
    learner = TrackLearner(config)
    torch.manual_seed(1)
    network = learner.build({})
    batch = learner.collate(TrackSimulation(config, 1).examples(0, 2))
    terms = learner.losses(network, batch)
    sum(t.weight * t.total / t.count for t in terms.values()).backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in network.parameters())
    assert any((p.grad != 0).any() for p in network.parameters())


def test_the_published_networks_refuse_links_over_a_layer():
    with pytest.raises(ValueError, match=r"set data\.skip_layers=0"):
        TrackConfig(model={"name": "line-graph"})


def test_the_domain_knows_another_calorimeter_and_denser_frames(frames):
    prepared = fit_domain([frames])
    assert list(outside(frames, prepared)) == []
    other = TrackSimulation(configured(simulation={"geometry": "dtc-3mm", "phantoms": [250.0]}), 3).examples(0, 3)
    assert any("distance of the layers" in sentence for sentence in outside(other, prepared))
    dense = TrackSimulation(configured(data={"protons_per_frame": [40]}), 3).examples(0, 2)
    assert any("hits in a frame" in sentence for sentence in outside(dense, prepared))


def test_blocks_take_turns_with_further_geometries():
    config = configured(simulation={"further_geometries": {"dtc-3mm": [250.0]}})
    source = SimulatedSource(TrackSimulation(config, 5), assemble_training, config, None, 4)
    assert [float(source.read(block)["phantom"][0]) for block in range(4)] == [200, 250, 200, 250]
    alone = TrackSimulation(configured(), 5).examples(2, 4)
    assert np.array_equal(source.read(2)["x"].flat, alone["x"].flat)


def test_frames_of_files_are_split_whole_and_completely(tmp_path):
    path = tmp_path / "hits.root"
    simulate(TASK, configured(), path, 400, seed=2)
    config = configured()
    parts = {}
    for size in (700, 20_000):
        reader = Reader(resolve([str(path)], None), LAYOUTS, block_size=size)
        parts = {name: AssembledSource(reader, assemble_training, config, name, 0.3) for name in (TRAINING, VALIDATION)}
        every = AssembledSource(reader, assemble_training, config)
        entries = {name: np.concatenate([source.read(b)["entry"] for b in range(len(source.counts))]) for name, source in parts.items()}
        assert not set(entries[TRAINING]) & set(entries[VALIDATION])
        assert len(entries[TRAINING]) + len(entries[VALIDATION]) == sum(every.counts) > 20
        assert len(entries[VALIDATION]) > 2
        frames = every.read(0)
        assert set(np.asarray(frames["n_protons"])[:-1]) == {15}
    assert length(slice_rows(frames, 0, 2)) == 2
