"""Gradients of a game against an adversary: equilibrium, phases, processes, resuming."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pphysml.contract import Adversary
from pphysml.nn.gradient_reversal import reverse_gradient
from pphysml.training.checkpoint import load_state
from pphysml.training.run_folder import RunFolder

from . import games
from .games import PivotLearner, equilibrium, play, weights

WHOLE = sum(games.Points.counts)


@pytest.mark.parametrize("learner", [
    {"steps": 1}, {"steps": 5, "rate": 0.02}, {"steps": 2, "alone": 50, "head_start": 50}, {"reversal": True},
], ids=["in turns", "five steps of the adversary", "after phases alone", "gradient reversal"])
def test_the_equilibrium_of_a_game_is_reached(tmp_path, learner):
    expected = equilibrium()
    assert abs(expected[1] - 1) > 0.2  # without the adversary w2 is 1
    loop = play(RunFolder(tmp_path), PivotLearner(**learner), steps=1500, batch_size=WHOLE, checkpoint_every=1500, validate_every=1500)
    np.testing.assert_allclose(weights(loop), expected, rtol=0.02)


def test_players_have_learning_rates_of_their_own(tmp_path):
    """The first step of Adam is the learning rate, whatever the gradient."""
    learner = PivotLearner(rate=0.004)
    loop = play(RunFolder(tmp_path), learner, steps=1, warmup_steps=0, gradient_clip=0, final_learning_rate=1)
    torch.manual_seed(1)
    moved = np.abs(weights(loop) - np.concatenate([p.detach().numpy().ravel() for p in learner.build().parameters()]))
    np.testing.assert_allclose(moved, [0.03, 0.03, 0.004], rtol=1e-3)


def test_the_network_begins_alone_and_waits_for_the_adversary(tmp_path):
    """It is trained without the adversary for 10 steps, and stands still for the next 5."""
    def after(steps, name):
        return weights(play(RunFolder(tmp_path / name), PivotLearner(alone=10, head_start=5), steps=steps, warmup_steps=0, final_learning_rate=1))

    alone, head_start, both = after(10, "alone"), after(15, "head"), after(16, "both")
    torch.manual_seed(1)
    initial = PivotLearner().build()
    assert alone[2] == initial.adversary.weight.item() and np.all(alone[:2] != initial.guess.weight.detach().numpy())
    assert np.array_equal(head_start[:2], alone[:2]) and head_start[2] != alone[2]
    assert np.all(both != head_start)


@pytest.mark.parametrize("reversal", [True, False], ids=["backpropagation", "game"])
def test_a_term_that_begins_later_has_no_part_in_the_steps_before(tmp_path, reversal):
    def after(steps, name, **coupled):
        return weights(play(RunFolder(tmp_path / name), PivotLearner(reversal, **coupled), steps=steps, warmup_steps=0, final_learning_rate=1))

    later = {"coupled": 3.0, "uncoupled": 8}
    assert np.array_equal(after(8, "before", **later), after(8, "without"))
    assert not np.allclose(after(8, "before", **later), after(8, "from the first", coupled=3.0))
    assert not np.allclose(after(9, "after", **later), after(9, "without still"))


@pytest.mark.parametrize("impossible", [{"steps": 0}, {"alone": -1}, {"head_start": -1}])
def test_impossible_numbers_of_steps_are_refused(impossible):
    with pytest.raises(ValueError, match="at least one step"):
        Adversary(torch.nn.Linear(1, 1), 0.1, **impossible)


def test_steps_of_the_adversary_take_no_batches(tmp_path):
    one, many = PivotLearner(steps=1), PivotLearner(steps=4)
    for name, learner in (("one", one), ("many", many)):
        assert play(RunFolder(tmp_path / name), learner, steps=20).state.step == 20
    assert len(one.batches) == len(many.batches) == 20
    assert all(np.array_equal(a, b) for a, b in zip(one.batches, many.batches, strict=True))


@pytest.mark.parametrize("part", ["guess", "adversary"])
def test_frozen_parts_of_either_player_stay(tmp_path, part):
    class Larger(PivotLearner):
        def build(self, prepared=None):
            network = super().build()
            frozen = torch.nn.Linear(3, 3).requires_grad_(False)
            network.get_submodule(part).add_module("frozen", frozen)
            return network

    loop = play(RunFolder(tmp_path), Larger(), steps=5)
    network = loop.network
    assert network.get_submodule(f"{part}.frozen").weight.grad is None
    torch.manual_seed(1)
    initial = Larger().build()
    for name, value in initial.state_dict().items():
        assert torch.equal(network.state_dict()[name], value) == ("frozen" in name)


class Killed(Exception):
    pass


def killed_after(batches, learner):
    """Return a learner that raises at the batch after so many."""
    collate = learner.collate

    def die(examples):
        if len(learner.batches) == batches:
            raise Killed
        return collate(examples)

    learner.collate = die
    return learner


def test_a_killed_game_resumes_bit_by_bit(tmp_path):
    options = {"steps": 2, "alone": 4, "head_start": 3, "dropout": 0.3, "coupled": 1.0}
    whole = play(RunFolder(tmp_path / "whole"), PivotLearner(**options))
    for after in (5, 12, 33):  # within each phase
        folder = RunFolder(tmp_path / str(after))
        with pytest.raises(Killed):
            play(folder, killed_after(after, PivotLearner(**options)))
        resumed = play(folder, PivotLearner(**options), load_state(folder.checkpoint))
        assert np.array_equal(weights(resumed), weights(whole))
        for name, value in whole.average.weights.items():
            assert torch.equal(resumed.average.weights[name], value)


def test_a_checkpoint_of_version_0_3_goes_on_bit_by_bit(tmp_path):
    """It has format 1 and knows no further optimisers."""
    folder = RunFolder(tmp_path / "killed")
    with pytest.raises(Killed):
        play(folder, killed_after(12, PivotLearner(reversal=True)))
    kept = vars(load_state(folder.checkpoint))
    assert kept.pop("further_optimizers") == {} and kept.pop("window") and kept["step"] == 7
    torch.save({**kept, "format_version": 1}, folder.checkpoint)
    resumed = play(folder, PivotLearner(reversal=True), load_state(folder.checkpoint))
    whole = play(RunFolder(tmp_path / "whole"), PivotLearner(reversal=True))
    assert np.array_equal(weights(resumed), weights(whole))


def test_turns_of_one_player_leave_what_the_other_keeps_of_batches(tmp_path):
    """Running means of a normalisation move once a step, and not while the network waits; those of the adversary once in each of its turns."""
    class Normalised(PivotLearner):
        def build(self, prepared=None):
            network = super().build()
            network.dropout = torch.nn.BatchNorm1d(2)
            network.adversary = torch.nn.Sequential(torch.nn.BatchNorm1d(1), network.adversary)
            return network

    network = play(RunFolder(tmp_path), Normalised(alone=3, head_start=4, steps=5), steps=10).network
    assert int(network.dropout.num_batches_tracked) == 3 + 3
    assert int(network.adversary[0].num_batches_tracked) == 5 * 7


def test_what_no_term_depends_on_does_not_decay(tmp_path):
    class Larger(PivotLearner):
        def build(self, prepared=None):
            network = super().build()
            network.unused = torch.nn.Linear(4, 4)
            return network

    network = play(RunFolder(tmp_path), Larger(), steps=5, weight_decay=0.5).network
    torch.manual_seed(1)
    assert torch.equal(network.unused.weight, Larger().build().unused.weight)


@pytest.mark.parametrize(("learner", "message"), [
    (lambda: PivotLearner(steps=0), "at least one step"), (lambda: Frozen("guess"), "network of a game has no parameters"),
    (lambda: Frozen("adversary"), "adversary of a game has no parameters"), (lambda: Silent(), "needs a term of the loss"),
])
def test_games_that_cannot_be_played(tmp_path, learner, message):
    with pytest.raises(ValueError, match=message):
        play(RunFolder(tmp_path), learner(), steps=2)


class Frozen(PivotLearner):
    def __init__(self, part):
        super().__init__()
        self.part = part

    def build(self, prepared=None):
        network = super().build()
        network.get_submodule(self.part).requires_grad_(False)
        return network


class Silent(PivotLearner):
    def losses(self, model, batch):
        return {"squares": super().losses(model, batch)["squares"]}


@pytest.mark.parametrize("options", [
    ["coupled=2.0", "steps=2"], ["coupled=2.0", "reversal=true"],
], ids=["in turns", "gradient reversal"])
def test_two_processes_play_the_game_of_one(tmp_path, options):
    """The loss couples all examples of a batch, whose number is odd: the processes have different shares."""
    found = {}
    for processes in (1, 2):
        folder = tmp_path / str(processes)
        done = subprocess.run([sys.executable, "-m", "training.games", str(folder), str(processes), "batch_size=31", *options],
                              capture_output=True, text=True, timeout=300, cwd=Path(__file__).parents[1])
        assert done.returncode == 0, done.stderr
        found[processes] = np.load(folder / "weights.npy")
    np.testing.assert_allclose(found[2], found[1], rtol=1e-5, atol=1e-6)


def test_a_reversed_gradient_is_minus_the_strength_of_it():
    x = torch.randn(5, 3, requires_grad=True)
    seed = torch.randn(5, 3)
    reverse_gradient(x, 2.5).backward(seed)
    assert torch.equal(x.grad, -2.5 * seed)
    assert torch.equal(reverse_gradient(x), x)
