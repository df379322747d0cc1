"""Training `track` as users do: from files or the simulation, stopped and resumed, from given weights."""

from __future__ import annotations

import signal

import numpy as np
import pytest

from pphysml.model_file import load_model

from . import signalled

STEPS = "training.steps=20"


def assert_same(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **(tolerance or {"rtol": 0, "atol": 0}), err_msg=name)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGKILL, -9)])
def test_a_stopped_training_resumes_to_the_same_weights(pphysml, tmp_path, protons, small_track, track_model, number, code):
    folder = tmp_path / "run"
    done = signalled.run(number, "tenth_step", "train", "track", protons, *small_track, "--set", STEPS, "--threads", 1, "-o", folder)
    assert done.returncode == code, done.stderr
    assert not (folder / "model.safetensors").exists()
    resumed = pphysml("train", "track", "--resume", folder, "--threads", 1, "-q")
    assert resumed.code == 0, resumed.err
    assert_same(load_model(folder).network, load_model(track_model).network)


def test_training_starts_from_given_weights(pphysml, tmp_path, protons, small_track, track_model):
    as_they_are = ["--set", "training.steps=0"]
    done = pphysml("train", "track", protons, *small_track, *as_they_are, "--init-from", track_model, "-q", "-o", tmp_path / "run")
    assert done.code == 0, done.err
    assert_same(load_model(tmp_path / "run").network, load_model(track_model).network)
    # Weights that are never better than those given are not kept.
    spoiling = ["--set", "training.steps=5", "--set", "training.learning_rate=0.5", "--set", "training.average=0"]
    done = pphysml("train", "track", protons, *small_track, *spoiling, "--init-from", track_model, "-q", "-o", tmp_path / "spoilt")
    assert done.code == 0, done.err
    assert_same(load_model(tmp_path / "spoilt").network, load_model(track_model).network)
    wider = ["--set", "training.steps=1", "--set", "model.width=16"]
    done = pphysml("train", "track", protons, *small_track, *wider, "--init-from", track_model, "-q", "-o", tmp_path / "b")
    assert done.code == 4 and len(done.err.splitlines()) == 1 and not (tmp_path / "b" / "model.safetensors").exists()


def test_simulated_and_file_frames_train_the_same_network(pphysml, tmp_path, small_track, track_model):
    done = pphysml("train", "track", *small_track, "--set", "training.steps=4", "--set", "training.block_size=8", "-q", "-o", tmp_path / "run")
    assert done.code == 0, done.err
    model = load_model(tmp_path / "run")
    assert {k: v.shape for k, v in model.network.items()} == {k: v.shape for k, v in load_model(track_model).network.items()}


def test_a_file_without_truth_trains_nothing(pphysml, tmp_path, small_track):
    import uproot

    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        names = ("posX", "posY", "posZ", "edep", "time")
        file.mktree("Hits", dict.fromkeys(names, "float64")).extend({n: np.arange(8.0) for n in names})
    done = pphysml("train", "track", path, *small_track, "--set", "training.steps=1", "-q", "-o", tmp_path / "run")
    assert done.code == 3 and "truth" in done.err and "track_id" in done.err
