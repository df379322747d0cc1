"""`train --resume`: of runs that were killed early, damaged, or are being trained, and with data that have changed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pphysml.model_file import load_model

from . import signalled

SMALL = ["--preset", "quick", "--threads", 1, "-q", *(f"--set={item}" for item in (
    "model.width=8", "model.pair_width=4", "model.blocks=1", "model.heads=2", "model.clade_width=4", "training.batch_size=16",
    "training.block_size=200", "training.validation_events=20", "training.steps=2", "training.log_every=1"))]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with two files of data, one of validation, and a run that named them from there."""
    from pphysml_cli.main import main

    folder = tmp_path_factory.mktemp("runs")
    before = Path.cwd()
    os.chdir(folder)
    try:
        for name, seed in (("a", 1), ("b", 2), ("c", 3)):
            assert main(["simulate", "lcag", "--preset", "quick", "-n", "60", "--seed", str(seed), "-q", "-o", f"{name}.root"]) == 0
        assert main(["train", "lcag", "[ab].root", "--validation", "c.root", *map(str, SMALL), "-o", "run"]) == 0
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def copied(run, tmp_path, monkeypatch):
    """A copy of that folder, in which the program works."""
    shutil.copytree(run, tmp_path / "copy")
    inputs = tmp_path / "copy" / "run" / "inputs.json"
    inputs.write_text(inputs.read_text().replace(str(run), str(tmp_path / "copy")))
    monkeypatch.chdir(tmp_path / "copy")
    return tmp_path / "copy"


def resumed(pphysml, code, *words, run="run"):
    done = pphysml("train", "lcag", "--resume", run, "-q", "--threads", 1)
    assert done.code == code, done.err
    if code:
        assert len(done.err.splitlines()) == 1 and "bug" not in done.err
        assert all(word in done.err for word in words), done.err


def damage(path, how):
    content = path.read_bytes()
    path.unlink()
    if how == "folder":
        path.mkdir()
    elif how != "missing":
        path.write_bytes({"empty": b"", "garbage": bytes(range(256)), "list": b"[1, [2]]\n", "half": content[: len(content) // 2],
                          "zeros": bytes(len(content)), "text": b"a: 1\n"}[how])


@pytest.mark.parametrize("how", ["missing", "empty", "garbage", "list", "half", "zeros", "text", "folder"])
@pytest.mark.parametrize("name", ["config.yaml", "inputs.json", "metrics.csv", "checkpoints/last.pt"])
def test_a_damaged_file_is_named(pphysml, copied, name, how):
    path = copied / "run" / name
    damage(path, how)
    if (name, how) in {("metrics.csv", "missing"), ("metrics.csv", "half")}:  # rows that a kill has cost
        resumed(pphysml, 0)
    else:
        resumed(pphysml, 4, f"run/{name}" if how != "missing" or name != "config.yaml" else "config.yaml")


def test_files_that_are_not_read_do_no_harm(pphysml, copied):
    weights = load_model(copied / "run").network
    for name in ("environment.json", "model.safetensors"):
        damage(copied / "run" / name, "garbage")
    shutil.rmtree(copied / "run" / "plots")
    resumed(pphysml, 0)
    for name, value in load_model(copied / "run").network.items():
        np.testing.assert_array_equal(value, weights[name])
    damage(copied / "run" / "model.safetensors", "folder")
    resumed(pphysml, 4, "model.safetensors")


@pytest.mark.parametrize(("name", "values"), [
    ("config.yaml", ("width: 8", "width: 16")), ("config.yaml", ("width: 8", "width: eight")), ("config.yaml", ("width:", "widht:")),
    ("inputs.json", ('"inputs"', '"in"')), ("inputs.json", ('"a.root"', "1")), ("inputs.json", ('"mapping": {}', '"mapping": 3')),
    ("inputs.json", ('"on_bad_file": "fail"', '"on_bad_file": "fial"')), ("inputs.json", ('"tree": null', '"tree": 3')), ("config.yaml", ("  log_every: 1\n", "")),
])
def test_a_changed_file_is_refused(pphysml, copied, name, values):
    path = copied / "run" / name
    text = path.read_text()
    assert values[0] in text
    path.write_text(text.replace(*values, 1))
    done = pphysml("train", "lcag", "--resume", "run", "-q", "--threads", 1)
    assert done.code == 4 and "bug" not in done.err, done.err


def test_a_run_goes_on_from_another_folder(pphysml, copied, monkeypatch):
    weights = load_model(copied / "run").network
    monkeypatch.chdir(copied.parent)
    resumed(pphysml, 0, run="copy/run")
    for name, value in load_model(copied / "run").network.items():
        np.testing.assert_array_equal(value, weights[name])


def test_a_run_of_an_older_version_says_that_its_files_are_not_compared(pphysml, copied):
    path = copied / "run" / "inputs.json"
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != "files"}))
    done = pphysml("train", "lcag", "--resume", "run", "--threads", 1)
    assert done.code == 0 and "whether they are still the same is not compared" in done.err


def test_other_data_of_the_same_names_are_refused(pphysml, copied):
    def swap(first, second):
        Path(first).rename("kept")
        Path(second).rename(first)
        Path("kept").rename(second)

    swap("a.root", "b.root")
    resumed(pphysml, 3, "a.root", "--init-from")
    swap("a.root", "b.root")
    swap("a.root", "c.root")
    resumed(pphysml, 3, "a.root")
    swap("a.root", "c.root")
    assert pphysml("simulate", "lcag", "--preset", "quick", "-n", 61, "--seed", 2, "-q", "--force", "-o", "b.root").code == 0
    resumed(pphysml, 3, "b.root: had 60 entries, and now has 61 entries")
    Path("b.root").unlink()
    resumed(pphysml, 3, "b.root")


def test_a_run_is_trained_by_one_process_at_a_time(pphysml, copied):
    program = ("import sys; from pathlib import Path; from pphysml.training.run_lock import locked\n"
               "with locked(Path('run'), Path('run/.lock')): print('locked', flush=True); sys.stdin.read()")
    other = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "locked\n"
        for options in (["--resume", "run"], [*SMALL, "--force", "-o", "run"], [*SMALL, "--force", "--dry-run", "-o", "run"]):
            done = pphysml("train", "lcag", *options)
            assert done.code == 2 and f"run: is being trained by process {other.pid} on " in done.err, done.err
    finally:
        other.kill()
        other.communicate()
    resumed(pphysml, 0)


def test_without_locks_it_is_said_that_nothing_keeps_others_away(pphysml, copied, monkeypatch):
    def unsupported(*arguments):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("fcntl.lockf", unsupported)
    done = pphysml("train", "lcag", "--resume", "run", "--threads", 1)
    assert done.code == 0 and "run: its file system has no locks" in done.err


@pytest.mark.parametrize(("moment", "left"), [("checkpointing", 1), ("first_step", 0)])
def test_a_training_killed_before_its_first_step_can_begin_or_go_on(pphysml, copied, moment, left):
    weights = load_model(copied / "run").network
    before = sorted(os.listdir())
    arguments = ["train", "lcag", "a.root", "b.root", "--validation", "c.root", *SMALL, "-o", "next"]
    assert signalled.run(signal.SIGKILL, moment, *arguments).returncode == -9
    assert len([name for name in os.listdir() if name.startswith(".next.")]) == left
    if left:
        assert not Path("next").exists() and pphysml(*arguments).code == 0
    else:
        resumed(pphysml, 0, run="next")
    assert sorted(os.listdir()) == sorted([*before, "next"])
    for name, value in load_model(Path("next")).network.items():
        np.testing.assert_array_equal(value, weights[name])


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 75), (signal.SIGINT, 130)])
def test_a_signal_before_a_resumed_training_steps_says_how_to_go_on(copied, number, code):
    done = signalled.run(number, "loaded", "train", "lcag", "--resume", "run", "-q")
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.splitlines()[-1].endswith("; go on with --resume run.")
