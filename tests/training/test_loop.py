"""The loop on a small regression: resuming, signals, averaging, schedule."""

from __future__ import annotations

import csv
import os
import signal
from itertools import islice

import numpy as np
import pytest
import torch

from pphysml.contract import Learner, Term
from pphysml.errors import ModelError
from pphysml.training.checkpoint import TrainingState, load_state, save_state
from pphysml.training.config import TrainingConfig
from pphysml.training.optimisation import Average, learning_rate
from pphysml.training.order import BatchOrder
from pphysml.training.run_folder import MetricsFile, RunFolder
from pphysml.training.signals import StopFlag
from pphysml.training.stream import stream

from .trained import trained

SLOPE = np.array([1.0, -2.0, 0.5])


class Line:
    """Examples y = x . SLOPE in four blocks."""

    counts = [64, 64, 64, 40]

    def read(self, block):
        x = np.random.default_rng(block).normal(size=(self.counts[block], 3)).astype(np.float32)
        return {"x": x, "y": (x @ SLOPE).astype(np.float32)}


class LineLearner(Learner):
    """A network with dropout, so that its random numbers matter."""

    monitor = "closeness"

    def __init__(self):
        self.signal_at = {}
        self.calls = 0

    def build(self, prepared):
        return torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Dropout(0.2), torch.nn.ReLU(), torch.nn.Linear(16, 1))

    def lengths(self, examples):
        return np.ones(len(examples["x"]), dtype=int)

    def collate(self, examples):
        return {k: torch.from_numpy(v) for k, v in examples.items()}

    def losses(self, model, batch):
        self.calls += 1
        if self.calls in self.signal_at:
            os.kill(os.getpid(), self.signal_at[self.calls])
        error = (model(batch["x"])[:, 0] - batch["y"]) ** 2
        return {"squares": Term(error.sum(), len(error))}

    def validate(self, model, examples, finished=None):
        batch = self.collate(examples)
        error = ((model(batch["x"])[:, 0] - batch["y"]) ** 2).sum()
        return {"closeness": Term(-error, len(batch["y"]))}


OPTIONS = {"steps": 40, "batch_size": 16, "warmup_steps": 5, "checkpoint_every": 7, "validate_every": 10, "log_every": 4}


def run(folder, learner, state=None, **options):
    return trained(folder, learner, Line(), {**OPTIONS, **options}, state)


def weights(loop):
    return torch.cat([p.detach().flatten() for p in loop.network.parameters()])


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return run(RunFolder(tmp_path_factory.mktemp("whole")), LineLearner())[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
@pytest.mark.parametrize("step", [1, 9, 20, 39])
def test_a_stopped_and_resumed_training_ends_with_the_same_weights(tmp_path, uninterrupted, number, step):
    folder, learner = RunFolder(tmp_path), LineLearner()
    learner.signal_at = {step: number}
    first, stopped = run(folder, learner)
    assert stopped == number and first.state.step == step
    second, stopped = run(folder, LineLearner(), load_state(folder.checkpoint))
    assert stopped == 0
    assert torch.equal(weights(second), weights(uninterrupted))
    assert second.state.best == uninterrupted.state.best
    for name, value in uninterrupted.average.weights.items():
        assert torch.equal(second.average.weights[name], value)


def test_a_killed_training_loses_only_what_came_after_its_checkpoint(tmp_path, uninterrupted):
    class Killed(Exception):
        pass

    folder, learner = RunFolder(tmp_path), LineLearner()
    losses = learner.losses

    def die(model, batch):
        if learner.calls == 25:
            raise Killed
        return losses(model, batch)

    learner.losses = die
    with pytest.raises(Killed):
        run(folder, learner)
    state = load_state(folder.checkpoint)
    assert state.step == 21
    resumed, _ = run(folder, LineLearner(), state)
    assert torch.equal(weights(resumed), weights(uninterrupted))
    with open(folder.metrics) as stream:
        steps = [int(row["step"]) for row in csv.DictReader(stream) if row["loss"]]
    assert steps == [*range(4, 41, 4)]


def losses_of(folder):
    with open(folder.metrics) as stream:
        return {int(row["step"]): (row["loss"], row["squares"]) for row in csv.DictReader(stream) if row["loss"]}


def test_a_row_of_the_metrics_has_the_mean_loss_of_all_steps_since_the_last_one(tmp_path):
    every, fourth = RunFolder(tmp_path / "every"), RunFolder(tmp_path / "fourth")
    run(every, LineLearner(), log_every=1)
    run(fourth, LineLearner(), log_every=4)
    single = np.array([float(loss) for loss, _ in losses_of(every).values()])
    means = np.array([float(loss) for loss, _ in losses_of(fourth).values()])
    assert np.allclose(means, single.reshape(-1, 4).mean(1), rtol=1e-6)
    assert not np.allclose(means, single[3::4], rtol=1e-2)


@pytest.mark.parametrize("step", [1, 6, 8])
def test_the_row_after_a_resumed_step_is_that_of_an_uninterrupted_training(tmp_path, step):
    whole, parts, learner = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "parts"), LineLearner()
    run(whole, LineLearner(), steps=12)
    learner.signal_at = {step: signal.SIGTERM}
    run(parts, learner, steps=12)
    run(parts, LineLearner(), load_state(parts.checkpoint), steps=12)
    assert losses_of(parts) == losses_of(whole)


def test_a_signal_that_the_shell_had_ignored_stays_ignored():
    previous = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with StopFlag() as flag:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert flag.received == 0
    finally:
        signal.signal(signal.SIGUSR1, previous)


def test_it_learns(uninterrupted, tmp_path):
    longer, _ = run(RunFolder(tmp_path), LineLearner(), steps=600, learning_rate=0.02)
    assert longer.state.best > 0.5 * uninterrupted.state.best
    assert longer.state.best > -0.3


def test_patience_stops_and_a_resumed_run_stays_stopped(tmp_path):
    folder = RunFolder(tmp_path)
    options = {"learning_rate": 1e-12, "average": 0.0, "weight_decay": 0.0, "patience": 2, "validate_every": 3}
    loop, stopped = run(folder, LineLearner(), **options)
    assert stopped == 0 and loop.state.step < 40
    again, _ = run(folder, LineLearner(), load_state(folder.checkpoint), **options)
    assert again.state.step == loop.state.step


def test_a_half_written_checkpoint_leaves_the_older_one(tmp_path, monkeypatch):
    path = tmp_path / "last.pt"
    save_state(path, TrainingState(3, {"w": torch.ones(2)}, {}, {}))
    monkeypatch.setattr(os, "fsync", _no_space)
    with pytest.raises(Exception, match="could not be written"):
        save_state(path, TrainingState(4, {"w": torch.zeros(2)}, {}, {}))
    assert load_state(path).step == 3
    assert [p.name for p in tmp_path.iterdir()] == ["last.pt"]


def _no_space(descriptor):
    raise OSError(28, "No space left on device")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harm"),))

    torch.save({"format_version": 1, "step": Harmful()}, tmp_path / "last.pt")
    with pytest.raises(ModelError):
        load_state(tmp_path / "last.pt")
    assert not (tmp_path / "harm").exists()


def test_every_flipped_bit_of_a_checkpoint_is_found(tmp_path):
    path = tmp_path / "last.pt"
    save_state(path, TrainingState(3, {"w": torch.arange(6.0)}, {}, {}))
    whole = path.read_bytes()
    places = {*range(100), len(whole) - 1, *np.random.default_rng(1).integers(len(whole), size=100).tolist()}
    for place in places:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(ModelError, match=r"last\.pt"):
            load_state(path)
    path.write_bytes(whole)
    assert torch.equal(load_state(path).model["w"], torch.arange(6.0))


@pytest.mark.parametrize("version", [1, 2, 3])
def test_older_checkpoints_are_read(tmp_path, version):
    state = {"step": 3, "model": {"w": torch.ones(2)}, "optimizer": {}, "average": {}, "best": 0.5, "best_step": 2, "best_average": {}, "waited": 1}
    later = {1: {}, 2: {"further_optimizers": {"a": {}}}, 3: {"further_optimizers": {}, "window": {"loss": (1.0, 2)}}}[version]
    torch.save({"format_version": version, **state, **later}, tmp_path / "last.pt")
    found = load_state(tmp_path / "last.pt")
    assert (found.step, found.best, found.waited) == (3, 0.5, 1) and found.window == later.get("window", {})


@pytest.mark.parametrize("change", [{"step": "3"}, {"model": None}, {"more": 1}, {"step": None}])
def test_a_checkpoint_of_something_else_is_refused(tmp_path, change):
    state = {"step": 3, "model": {}, "optimizer": {}, "average": {}, **change}
    torch.save({"format_version": 1, **state}, tmp_path / "last.pt")
    with pytest.raises(ModelError, match="lacks what a training needs"):
        load_state(tmp_path / "last.pt")


def test_learning_rate_rises_linearly_and_falls_to_its_fraction():
    config = TrainingConfig(steps=1000, warmup_steps=100, learning_rate=1.0, final_learning_rate=0.1)
    rates = np.array([learning_rate(k, config) for k in range(1001)])
    assert np.allclose(np.diff(rates[:100]), 0.01)
    assert rates.max() == 1.0 and np.all(np.diff(rates[100:]) <= 0)
    assert abs(rates[1000] - 0.1) < 1e-9
    assert abs(rates[550] - 0.55) < 0.01


def test_average_of_a_constant_is_that_constant_and_forgets_its_start():
    average = Average({"w": torch.tensor([5.0])}, 0.9)
    for step in range(200):
        average.update([("w", torch.tensor([1.0]))], step)
    assert abs(float(average.weights["w"]) - 1.0) < 1e-6


def test_metrics_file_drops_rows_after_the_resumed_step_and_takes_new_columns(tmp_path):
    path = tmp_path / "metrics.csv"
    metrics = MetricsFile(path, 0)
    for step in (1, 2, 3):
        metrics.add({"step": step, "loss": 1 / step})
    metrics = MetricsFile(path, 2)
    metrics.add({"step": 3, "validation": 7.0})
    with open(path) as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["1", "2", "3"]
    assert [row["loss"] for row in rows] == ["1", "0.5", ""]
    assert rows[2]["validation"] == "7"


def test_the_stream_is_endless():
    source = Line()
    order = BatchOrder(source.counts, seed=1, batch_size=16, window_blocks=2, bucket_batches=3)
    batches = list(islice(stream(source, order, LineLearner().lengths), 60))
    assert len(batches) == 60
