"""Training as users run it: stopped, killed, resumed, in several processes."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from pphysml.config import preset_names
from pphysml.model_file import load_model, save_model
from pphysml_cli.main import main

from . import signalled

SMALL = [
    f"--set={item}" for item in (
        "model.width=16", "model.pair_width=8", "model.blocks=1", "model.heads=2", "model.clade_width=8",
        "training.batch_size=32", "training.block_size=500", "training.validation_events=40",
        "training.validate_every=20", "training.checkpoint_every=8", "training.log_every=2",
    )
]
STEPS = "training.steps=40"


@pytest.fixture(scope="module")
def events(tmp_path_factory):
    path = tmp_path_factory.mktemp("events") / "events.root"
    run("simulate", "lcag", "--preset", "quick", "-n", 1500, "-o", path)
    return path


@pytest.fixture(scope="module")
def whole(events, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "run"
    assert run("train", "lcag", events, "--preset", "quick", *SMALL, "--set", STEPS, "-o", path).returncode == 0
    return load_model(path).network


def command(*arguments):
    return [sys.executable, "-m", "pphysml_cli.main", *map(str, arguments)]


def run(*arguments):
    """Run the program: in this process, unless it starts others."""
    threads = ["--threads", 1] if arguments[0] == "train" else []
    if "--devices" in arguments:
        return subprocess.run(command(*arguments, *threads), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=300)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(a) for a in (*arguments, *threads)])
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def assert_same(found, expected, **tolerance):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, **(tolerance or {"rtol": 0, "atol": 0}), err_msg=name)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_stopped_training_resumes_to_the_same_weights(tmp_path, events, whole, number, code):
    folder = tmp_path / "run"
    done = signalled.run(number, "tenth_step", "train", "lcag", events, "--preset", "quick", *SMALL, "--set", STEPS, "-o", folder, "--threads", 1)
    assert done.returncode == code, done.stderr
    assert not (folder / "model.safetensors").exists()
    if number != signal.SIGKILL:
        assert f"--resume {folder}" in done.stderr
    other = run("train", "track", "--resume", folder)
    assert other.returncode == 2 and f"{folder}: is a training of 'lcag', not of 'track'" in other.stderr
    resumed = run("train", "--resume", folder)
    assert resumed.returncode == 0, resumed.stderr
    assert_same(load_model(folder).network, whole)


def test_two_processes_train_the_weights_of_one(tmp_path, events):
    options = ["--preset", "quick", *SMALL, "--set", "training.steps=10"]
    assert run("train", "lcag", events, *options, "-o", tmp_path / "one").returncode == 0
    done = run("train", "lcag", events, *options, "-o", tmp_path / "two", "--devices", 2, "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert_same(load_model(tmp_path / "two").network, load_model(tmp_path / "one").network, rtol=1e-4, atol=3e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_an_error_of_two_processes_is_said_once(tmp_path, events):
    done = run("train", "lcag", events, "--preset", "quick", *SMALL, "--max-entries", 1, "-o", tmp_path / "run", "--devices", 2, "--device", "cpu")
    assert done.returncode == 3 and done.stderr.count("leave no example") == done.stderr.count("pphysml: ") == 1
    assert not list(tmp_path.iterdir())


def test_two_processes_stop_together_and_one_goes_on(tmp_path, events, whole):
    """The helper shares stderr, so that reading it to its end waits for both processes."""
    folder = tmp_path / "run"
    done = signalled.run(signal.SIGUSR1, "tenth_step", "train", "lcag", events, "--preset", "quick", *SMALL, "--set", STEPS,
                         "-o", folder, "--devices", 2, "--device", "cpu", "--threads", 1)
    assert done.returncode == 75 and f"saved at step 10; go on with --resume {folder}" in done.stderr
    assert run("train", "lcag", "--resume", folder).returncode == 0
    assert_same(load_model(folder).network, whole, rtol=1e-2, atol=2e-4)


def test_the_seed_alone_decides_the_weights_file(tmp_path, events):
    def trained(name, seed):
        options = [*SMALL, "--set", "training.steps=4", "--seed", seed, "-o", tmp_path / name]
        assert run("train", "lcag", events, "--preset", "quick", *options).returncode == 0
        return (tmp_path / name / "model.safetensors").read_bytes()

    first = trained("a", 5)
    assert trained("b", 5) == first
    assert trained("c", 6) != first


def test_validation_files_leave_all_entries_to_training(events):
    def planned(*options):
        done = run("train", "lcag", events, "--preset", "quick", *SMALL, "--max-entries", 700, "--dry-run", "--json", *options)
        assert done.returncode == 0 and ("judged on what it has seen" in done.stderr) == bool(options)
        return json.loads(done.stdout)["training_examples"]

    assert planned("--validation", events) == 700
    assert 600 < planned() < 660  # a tenth is held out


def test_a_diverged_training_ends_without_weights(tmp_path, events):
    done = run("train", "lcag", events, "--preset", "quick", *SMALL, "-q", "--set", "training.steps=12",
               "--set", "training.learning_rate=1e30", "-o", tmp_path / "run")
    assert done.returncode == 2 and "training.learning_rate" in done.stderr
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_damaged_checkpoint_and_weights_of_another_shape_are_refused(tmp_path, events):
    first = ["--preset", "quick", *SMALL, "--set", "training.steps=1", "-q"]
    assert run("train", "lcag", events, *first, "-o", tmp_path / "run").returncode == 0
    for change in ("model.width=32", "model.blocks=2"):
        done = run("train", "lcag", events, *first, "--set", change, "--init-from", tmp_path / "run", "-o", tmp_path / "b")
        assert done.returncode == 4 and len(done.stderr.splitlines()) == 1 and len(done.stderr) < 600
    (tmp_path / "run" / "checkpoints" / "last.pt").write_bytes(b"junk")
    done = run("train", "lcag", "--resume", tmp_path / "run")
    assert done.returncode == 4 and "last.pt" in done.stderr


def test_training_starts_from_given_weights(tmp_path, events):
    options = ["--preset", "quick", *SMALL, "--set", "training.steps=1", "--set", "training.average=0"]
    assert run("train", "lcag", events, *options, "-o", tmp_path / "first").returncode == 0
    as_they_are = ["--set", "training.steps=0"]
    assert run("train", "lcag", events, *options, *as_they_are, "--init-from", tmp_path / "first", "-o", tmp_path / "second").returncode == 0
    assert_same(load_model(tmp_path / "second").network, load_model(tmp_path / "first").network)
    refused = run("train", "lcag", events, *options, *as_they_are, "-o", tmp_path / "third")
    assert refused.returncode == 2 and "--init-from" in refused.stderr and not (tmp_path / "third").exists()


def test_events_of_weight_zero_have_no_influence(tmp_path, events):
    """Training on all events, those of odd topology weighted zero, never sees what these hold."""
    import awkward as ak
    import uproot

    arrays = uproot.open(events)["events"].arrays()
    weight = (np.asarray(arrays["topology"]) % 2 == 0).astype(float)
    for name, factor in (("a", 1.0), ("b", 1.7)):
        kept = {k: arrays[k] for k in ("px", "py", "pz", "e", "parent")}
        for k in ("px", "py", "pz", "e"):
            kept[k] = ak.where(weight == 0, kept[k] * factor, kept[k])
        kept["w"] = weight
        with uproot.recreate(tmp_path / f"events_{name}.root") as file:
            file.mktree("events", {k: v.type if isinstance(v, ak.Array) else v.dtype for k, v in kept.items()}).extend(kept)
        (tmp_path / name).mkdir()
        (tmp_path / f"events_{name}.root").rename(tmp_path / name / "events.root")
        done = run("train", "lcag", tmp_path / name / "events.root", "--preset", "quick", *SMALL, "--set", "training.steps=6",
                   "--set", "data.weight=w", "-o", tmp_path / name / "run")
        assert done.returncode == 0, done.stderr
    assert_same(load_model(tmp_path / "a" / "run").network, load_model(tmp_path / "b" / "run").network, atol=1e-6)


@pytest.mark.parametrize("preset", preset_names("pphysml.tasks.lcag.presets"))
def test_every_preset_runs_a_step(tmp_path, preset):
    done = run("train", "lcag", "--preset", preset, "--set", "training.steps=1", "--set", "training.block_size=500",
               "--set", "training.validation_events=20", "--set", "training.batch_size=8",
               "--set", "training.simulated_events=1000", "-o", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "model.safetensors").exists()
    assert (tmp_path / "run" / "plots" / "training.png").exists()


def test_a_dry_run_writes_nothing(tmp_path, events):
    done = run("train", "lcag", events, "--preset", "quick", *SMALL, "--dry-run", "-o", tmp_path / "run")
    assert done.returncode == 0, done.stderr
    assert "parameters" in done.stdout
    assert not (tmp_path / "run").exists()


def test_a_dry_run_does_the_first_step_of_the_run(tmp_path, events):
    options = ["lcag", events, "--preset", "quick", *SMALL, "--set", "training.steps=2", "--set", "training.log_every=1", "-o", tmp_path / "run"]
    planned = json.loads(run("train", *options, "--dry-run", "--json").stdout)
    assert run("train", *options).returncode == 0
    with open(tmp_path / "run" / "metrics.csv", newline="") as stream:
        first = next(csv.DictReader(stream))
    for name, value in planned["loss"].items():
        assert float(first[name]) == pytest.approx(value, rel=1e-6)


@pytest.fixture(scope="module")
def small(events, tmp_path_factory):
    """Weights of a network of the size SMALL."""
    folder = tmp_path_factory.mktemp("small") / "run"
    assert run("train", "lcag", events, "--preset", "quick", *SMALL, "--set", "training.steps=1", "-o", folder).returncode == 0
    return load_model(folder)


@pytest.mark.parametrize(("options", "reason"), [
    (["--device", "cuda:7"], "CUDA"), (["--devices", 2, "--device", "cuda:0"], "--device cuda"),
    (["--set", "training.steps=0"], "--init-from"), (["--init-from", "nothing"], "there is no such weights file"),
    (["--init-from", "{other}"], "another shape"), (["--init-from", "{broken}"], "diverged"),
    (["-o", "{taken}"], "exists"), (["--force", "-o", "{taken}"], "is not a run folder"), (["-o", "{other}/run"], "cannot be made"),
    (["--validation", "nothing.root"], "nothing.root"), (["--max-entries", 1], "leave no example"),
])
def test_a_dry_run_refuses_what_the_run_refuses(tmp_path, events, small, options, reason):
    broken, taken = tmp_path / "broken.safetensors", tmp_path / "taken"
    save_model(broken, replace(small, network={k: np.full_like(v, 1e30) for k, v in small.network.items()}))
    taken.mkdir()
    (taken / "notes.txt").write_text("mine")
    other = files("pphysml.tasks.lcag.weights").joinpath("paper.safetensors")
    options = [str(o).format(other=other, broken=broken, taken=taken) for o in options]
    where = [] if "-o" in options else ["-o", tmp_path / "run"]
    steps = [] if "training.steps=0" in options else ["--set", "training.steps=2", "--set", "training.log_every=1"]
    arguments = ["train", "lcag", events, "--preset", "quick", *SMALL, *steps, *where, *options]
    said = {}
    for dry in (["--dry-run"], []):
        done = run(*arguments, *dry)
        assert reason in done.stderr
        said[bool(dry)] = done.returncode, done.stderr.splitlines()[-1]
    assert said[True] == said[False] and said[True][0] in (2, 3, 4, 5)
    assert not (tmp_path / "run" / "model.safetensors").exists()
