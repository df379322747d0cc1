"""Numbers of the optimiser: rate, decay and clipping of single steps, each by its formula."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
import torch
from torch import nn

from pphysml.contract import Learner, Term
from pphysml.training.config import TrainingConfig
from pphysml.training.optimisation import Average, learning_rate, make_optimizer
from pphysml.training.run_folder import RunFolder

from .trained import trained

PEAK, WARMUP, STEPS, FLOOR, DECAY = 0.1, 4, 10, 0.2, 0.5

RATES = [PEAK * (k + 1) / WARMUP for k in range(WARMUP)] + [
    PEAK * (FLOOR + (1 - FLOOR) * (1 + math.cos(math.pi * k / (STEPS - WARMUP))) / 2) for k in range(STEPS - WARMUP)]
"""Of the steps in turn: 1/4, 2/4, 3/4 and all of the peak, then half a cosine from the peak on."""

OPTIONS = {"learning_rate": PEAK, "warmup_steps": WARMUP, "steps": STEPS, "final_learning_rate": FLOOR, "weight_decay": DECAY,
           "batch_size": 128, "average": 0.0, "log_every": 1, "validate_every": STEPS, "checkpoint_every": STEPS}


class Points:
    """Four equal blocks, which are one batch together."""

    counts = [32, 32, 32, 32]

    def read(self, block):
        x = np.random.default_rng(3).normal(size=(32, 2)).astype(np.float32)
        return {"x": x, "y": (x @ [3.0, -1.0]).astype(np.float32)}


class Regression(Learner):
    """Least squares, or with `strength` 0 a loss that has no gradient."""

    monitor = "none"

    def __init__(self, strength):
        self.strength = strength

    def build(self, prepared):
        return nn.Linear(2, 1)

    def lengths(self, examples):
        return np.ones(len(examples["x"]), dtype=int)

    def collate(self, examples):
        return {name: torch.from_numpy(column) for name, column in examples.items()}

    def losses(self, model, batch):
        return {"squares": Term(self.strength * ((model(batch["x"])[:, 0] - batch["y"]) ** 2).sum(), len(batch["y"]))}

    def validate(self, model, examples, finished=None):
        return {"none": Term(0.0, 1.0)}


def initial(learner):
    torch.manual_seed(TrainingConfig().seed)
    return learner.build({})


def after(folder, learner, **options):
    return trained(RunFolder(folder), learner, Points(), {**OPTIONS, **options})[0]


def test_the_rate_of_every_step():
    config = TrainingConfig(**OPTIONS)
    assert [learning_rate(k, config) for k in range(STEPS)] == pytest.approx(RATES)
    assert learning_rate(STEPS, config) == learning_rate(STEPS + 5, config) == pytest.approx(PEAK * FLOOR)
    assert learning_rate(0, TrainingConfig(**{**OPTIONS, "warmup_steps": 0})) == pytest.approx(PEAK)


def test_without_a_gradient_matrices_decay_by_the_rate_of_each_step_and_biases_stay(tmp_path):
    learner = Regression(0.0)
    network, start = after(tmp_path, learner).network, initial(learner)
    shrunk = np.prod([1 - DECAY * rate for rate in RATES])
    torch.testing.assert_close(network.weight, start.weight * shrunk, rtol=1e-5, atol=0)
    assert torch.equal(network.bias, start.bias) and (start.bias != 0).all()


def test_the_rates_written_are_those_taken(tmp_path):
    after(tmp_path, Regression(1.0))
    with open(RunFolder(tmp_path).metrics) as stream:
        written = [float(row["learning_rate"]) for row in csv.DictReader(stream) if row["learning_rate"]]
    assert written == pytest.approx(RATES, rel=1e-4)


def test_vectors_and_numbers_do_not_decay():
    parameters = [nn.Parameter(torch.ones(shape)) for shape in ((2, 3), (2, 3, 4), (3,), ())]
    optimizer = make_optimizer(parameters, TrainingConfig(learning_rate=PEAK, weight_decay=DECAY))
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for parameter, expected in zip(parameters, (1 - PEAK * DECAY, 1 - PEAK * DECAY, 1, 1), strict=True):
        assert parameter.detach().numpy() == pytest.approx(np.full(parameter.shape, expected))


@pytest.mark.parametrize("clip", [0.0, 0.5, 1000.0])
def test_a_gradient_longer_than_the_limit_is_shortened_to_it(tmp_path, clip):
    """After one step Adam's first moment is a tenth of the gradient that it was given."""
    learner = Regression(1.0)
    loop = after(tmp_path, learner, steps=1, gradient_clip=clip)
    x, y, network = *Points().read(0).values(), initial(learner)
    rest = x @ network.weight[0].detach().numpy() + network.bias.item() - y
    gradient = 2 * np.append(rest @ x, rest.sum()) / len(x)
    moments = [loop.gradients.optimizers["network"].state[p]["exp_avg"] for p in loop.network.parameters()]
    given = torch.cat([m.flatten() for m in moments]).numpy() / 0.1
    length = np.linalg.norm(gradient)
    assert 0.5 < length < 1000
    np.testing.assert_allclose(given, gradient * (0.5 / length if clip == 0.5 else 1), rtol=1e-4)


def test_the_decay_of_the_average_grows_with_the_steps():
    """Of the values 1, 2, ... the average moves towards each by 9 / (10 + t), and by 1 - decay at least."""
    average, expected = Average({"w": torch.zeros(1)}, 0.5), 0.0
    for step in range(14):
        average.update([("w", torch.tensor([step + 1.0]))], step)
        expected += max(0.5, 9 / (10 + step)) * (step + 1 - expected)
    assert float(average.weights["w"]) == pytest.approx(expected)
