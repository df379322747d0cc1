"""Files whose events have no leaf, one leaf, or only leaves of no tree: every verb takes them."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
import torch
import uproot

from pphysml.config import load
from pphysml.registry import get_task
from pphysml.training.data import data_of
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.training_inputs import TrainingInputs

SETTINGS = [f"--set={o}" for o in ("data.pair_features=[near, doca]", "data.track_points=[x, y, z]", "data.forest=true")]
SMALL = [f"--set={o}" for o in ("model.width=16", "model.pair_width=8", "model.blocks=1", "model.heads=2", "model.clade_width=8",
                                "training.steps=2", "training.batch_size=8", "training.validate_every=1", "training.warmup_steps=1",
                                "training.validation_fraction=0.3")]
KINDS = {"none": [0] * 20, "one": [1] * 20, "background": [3] * 20, "all": [0, 1, 2, 3] * 5}


def write(path, counts, trees=False):
    """Write events of leaves that are in one tree, if they are two or more and `trees`, else in none."""
    rng = np.random.default_rng(0)
    columns = {name: [] for name in ("px", "py", "pz", "e", "x", "y", "z", "charge", "tagged", "near", "parent")}
    for n in counts:
        momenta, joined = rng.normal(size=(n, 3)), trees and n > 1
        values = [*momenta.T, np.sqrt((momenta**2).sum(1) + 0.02), *rng.normal(size=(3, n)), rng.integers(-1, 2, n), np.ones(n),
                  np.ones((n, n)).ravel(), np.append(np.full(n, n), -1) if joined else np.full(n, -1)]
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value.tolist())
    types = {name: "int32" if name == "parent" else "float64" for name in columns}
    counters = {"parent": "n_nodes", "near": "n_squares"}
    with uproot.recreate(path) as file:
        file.mktree("events", {name: f"var * {kind}" for name, kind in types.items()}, counter_name=lambda name: counters.get(name, "n_leaves"))
        file["events"].extend({name: ak.values_astype(ak.Array(rows), types[name]) for name, rows in columns.items()})
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    from pphysml_cli.main import main

    folder = tmp_path_factory.mktemp("small")
    path = write(folder / "train.root", KINDS["all"], trees=True)
    assert main(["train", "lcag", str(path), *SETTINGS, *SMALL, "--device", "cpu", "-q", "-o", str(folder / "run")]) == 0
    return folder / "run"


@pytest.mark.parametrize("kind", KINDS)
def test_every_verb_takes_them(model, kind, pphysml, tmp_path):
    path, counts = write(tmp_path / "a.root", KINDS[kind]), np.array(KINDS[kind])
    assert pphysml("validate", "lcag", path, *SETTINGS, "--truth").code == 0
    for engine in ("network", "massline", "combiner") if kind == "all" else ("network",):
        out = tmp_path / f"{engine}.root"
        masses = [f"--set=apply.{engine}.{key}" for key in ("masses=[0.5]", "root_mass=1500 MeV")] if engine != "network" else []
        ended = pphysml("lcag", path, "--model", model, "--engine", engine, *masses, "--match", "(pi+ pi-)", "-o", out)
        assert ended.code == 0, ended.err
        tree = uproot.open(out)["lcag"].arrays()
        assert tree["n_leaves"].tolist() == counts.tolist()
        assert ak.num(tree["lcag"]).tolist() == (counts**2).tolist()
        assert (ak.num(tree["parent"]) >= counts).to_numpy().all()
        assert not tree["template_match"].to_numpy()[counts < 2].any()
        assert tree["perfect"].to_numpy()[counts == 0].all()
    report = ["-o", tmp_path / "report"] if kind == "none" else []
    ended = pphysml("evaluate", "lcag", path, "--model", model, "--json", *report)
    assert ended.code == 0 and json.loads(ended.out)["network"]["metrics"], ended.err


@pytest.mark.parametrize("loss", [0, 1])
@pytest.mark.parametrize(("kind", "forest"), [("none", False), ("one", False), ("one", True), ("background", True)])
def test_networks_are_trained_on_them(kind, forest, loss, tmp_path):
    task = get_task("lcag")
    settings = [item.removeprefix("--set=") for item in (*SETTINGS, *SMALL)]
    config = load(task.config_class, task.presets, None, [*settings, f"data.forest={forest}", f"model.tree_loss_weight={loss}"])
    path = write(tmp_path / "a.root", KINDS[kind])
    data = data_of(task, config, TrainingInputs(Inputs([str(path)])).open(task, config))
    learner = task.learner(config)
    examples = data.training.read(0)
    network = learner.build(learner.prepare([examples]))
    terms = learner.losses(network, learner.collate(examples))
    total = sum(term.weight * term.total / max(term.count, 1) for term in terms.values())
    total.backward()
    assert torch.isfinite(total)
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
    finished = learner.finish(network.eval(), data.validation)
    assert all(np.isfinite(value) for value in finished.values())
    assert all(np.isfinite(float(term.total)) for term in learner.validate(network, data.validation).values())


def test_a_signal_side_may_take_every_leaf(model, pphysml, tmp_path):
    path = write(tmp_path / "a.root", KINDS["all"], trees=True)
    ended = pphysml("lcag", path, "--model", model, "--signal-side", "tagged", "--match", "(pi+ pi-)", "-o", tmp_path / "out.root")
    assert ended.code == 0, ended.err
    component = uproot.open(tmp_path / "out.root")["lcag/component"].array()
    assert ak.num(component).tolist() == KINDS["all"] and (ak.flatten(component) == -2).to_numpy().all()
