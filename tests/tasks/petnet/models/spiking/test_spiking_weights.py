"""The engine `snn` as users run it: the weights that ship, and trainings of the presets, a few steps long."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import uproot

from pphysml.model_file import load_model
from pphysml_cli.main import main

SMALL = [f"--set={item}" for item in (
    "training.steps=4", "training.batch_size=8", "training.block_size=16", "training.validation_events=20", "training.validate_every=2",
    "training.checkpoint_every=2", "data.slice_singles=16")]


def run(*arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(a) for a in arguments])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "toy.root"
    assert run("simulate", "petnet", "--preset", "toy", "-n", 40_000, "--seed", 3, "-q", "-o", path)[0] == 0
    return path


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    path = tmp_path_factory.mktemp("few") / "toy.root"
    assert run("simulate", "petnet", "--preset", "toy", "-n", 8000, "--seed", 4, "-q", "-o", path)[0] == 0
    return path


@pytest.mark.parametrize(("model", "least", "file"), [(None, 0.997, "toy"), ("published-snn", 0.82, "few"), ("published-snn-geometry", 0.96, "few")])
def test_the_weights_that_ship_find_the_pairs_of_the_toy(request, tmp_path, model, least, file):
    toy = request.getfixturevalue(file)
    named = [] if model is None else ["--model", model]
    code, _, err = run("petnet", toy, "--engine", "snn", *named, "-q", "-o", tmp_path / "out.root")
    assert code == 0, err
    with uproot.open(toy) as file:
        event = file["Singles"]["eventID"].array(library="np")
    with uproot.open(tmp_path / "out.root") as file:
        found = file["Coincidences"].arrays(["eventID1", "eventID2", "score", "entry1", "entry2"], library="np")
    right = (found["eventID1"] == found["eventID2"]).sum()
    true = (np.unique(event, return_counts=True)[1] == 2).sum()
    assert 2 * right / (len(found["score"]) + true) > least
    assert found["score"].min() >= 0.5 and np.array_equal(event[found["entry1"]], found["eventID1"])


def test_snntorch_is_imported_for_networks_of_its_neurons_only(few, tmp_path):
    program = """
import sys
import pphysml.tasks.petnet.classical.engine, pphysml.tasks.petnet.learner, pphysml.tasks.petnet.models.pairs.pairs_engine
from pphysml_cli.main import main
for model in ("toy-snn", "published-snn-geometry"):
    code = main(["petnet", sys.argv[1], "--engine", "snn", "--model", model, "-q", "-o", f"{model}.root"])
    print("FOUND", code, "torch" in sys.modules, "snntorch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program, few], capture_output=True, text=True, check=True, cwd=tmp_path)
    found = [line for line in done.stdout.splitlines() if line.startswith("FOUND")]
    assert found == ["FOUND 0 True False", "FOUND 0 True True"], done.stderr


def test_files_of_another_scanner_are_refused(tmp_path):
    assert run("simulate", "petnet", "--preset", "mouse-50", "-n", 3000, "-q", "-o", tmp_path / "mouse.root")[0] == 0
    code, _, err = run("petnet", tmp_path / "mouse.root", "--engine", "snn", "-o", tmp_path / "out.root")
    assert code == 3 and "toy-240" in err and not (tmp_path / "out.root").exists()


@pytest.mark.parametrize(("preset", "parameters"), [("toy-snn", 240 + 16 + 36 + 2), ("published-snn", 2 * 240 * 241), ("published-snn-geometry", 240 * (481 + 241))])
def test_presets_train_and_their_weights_apply(toy, tmp_path, preset, parameters):
    code, out, err = run("train", "petnet", "--preset", preset, *SMALL, "--json", "-q", "-o", tmp_path / "run")
    assert code == 0, err
    assert json.loads(out)["parameters"] == parameters
    assert run("petnet", toy, "--engine", "snn", "--model", tmp_path / "run", "-q", "-o", tmp_path / "out.root")[0] == 0
    code, _, err = run("export", "petnet", "--model", tmp_path / "run", "--format", "nir", "-o", tmp_path / "network.nir")
    assert code == (4 if preset == "toy-snn" else 0), err


def test_the_same_command_gives_the_same_weights(tmp_path):
    base = ["train", "petnet", "--preset", "published-snn", *SMALL, "-q"]
    assert run(*base, "-o", tmp_path / "whole")[0] == 0
    assert run(*base, "-o", tmp_path / "part")[0] == 0
    first, second = (load_model(tmp_path / name).network for name in ("whole", "part"))
    assert all(np.array_equal(first[name], second[name]) for name in first)
