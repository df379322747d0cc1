"""A game whose equilibrium is known, trained in one process or in several.

    python -m training.games OUTPUT PROCESSES [KEY=VALUE...]

in the folder of the tests trains `Pivot` and writes its weights; options are those of the learner and of the training.

The network is f = w1 x1 + w2 x2 and is to be y = x1 + x2; the adversary guesses x2 from f as a f. Its best a is
<x2 f> / <f f>, so that the network makes <(f - y)^2> - lambda (<x2 x2> - <x2 f>^2 / <f f>) small.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
import yaml
from scipy.optimize import minimize
from torch import nn

from pphysml.contract import Adversary, Learner, Term
from pphysml.decorrelation.distance_correlation import disco
from pphysml.nn.gradient_reversal import reverse_gradient
from pphysml.training.checkpoint import TrainingState
from pphysml.training.processes import gather_rows
from pphysml.training.run_folder import RunFolder

from .trained import trained

STRENGTH = 1.5
OPTIONS = {"steps": 60, "batch_size": 30, "warmup_steps": 5, "checkpoint_every": 7, "validate_every": 20, "log_every": 10,
           "weight_decay": 0.0, "average": 0.9, "learning_rate": 0.03}


class Points:
    """Two correlated columns in four blocks."""

    counts = [100, 100, 100, 60]

    def read(self, block):
        x = np.random.default_rng(block).normal(size=(self.counts[block], 2)).astype(np.float32)
        return {"x": x @ np.array([[1.0, 0.3], [0.0, 0.8]], dtype=np.float32)}


ALL = np.concatenate([Points().read(block)["x"] for block in range(4)]).astype(np.float64)


class Pivot(nn.Module):
    """The network and the adversary; with `dropout` its steps need random numbers."""

    def __init__(self, reversal: bool, dropout: float) -> None:
        super().__init__()
        self.guess = nn.Linear(2, 1, bias=False)
        self.adversary = nn.Linear(1, 1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.reversal = reversal

    def forward(self, x):
        f = self.guess(self.dropout(x))
        return f[:, 0], self.adversary(reverse_gradient(f, STRENGTH) if self.reversal else f)[:, 0]


class PivotLearner(Learner):
    """Plays the game; `coupled` adds a loss of the whole batch, the distance correlation of f and x2, after `uncoupled` steps."""

    monitor = "closeness"

    def __init__(self, reversal=False, coupled=0.0, dropout=0.0, steps=1, alone=0, head_start=0, rate=0.05, uncoupled=0):
        self.reversal, self.coupled, self.dropout, self.uncoupled = reversal, coupled, dropout, uncoupled
        self.adversarial = {"steps": steps, "alone": alone, "head_start": head_start, "learning_rate": rate}
        self.batches = []

    def build(self, prepared=None):
        return Pivot(self.reversal, self.dropout)

    def lengths(self, examples):
        return np.ones(len(examples["x"]), dtype=int)

    def collate(self, examples):
        self.batches.append(examples["x"])
        return {"x": torch.from_numpy(examples["x"])}

    def adversary(self, network):
        return None if self.reversal else Adversary(network.adversary, **self.adversarial)

    def losses(self, model, batch):
        f, found = model(batch["x"])
        y, hidden, n = batch["x"].sum(1), batch["x"][:, 1], len(f)
        terms = {"squares": Term(((f - y) ** 2).sum(), n),
                 "hidden": Term(((found - hidden) ** 2).sum(), n, 1.0 if self.reversal else STRENGTH, of_adversary=not self.reversal)}
        if self.coupled:
            terms["correlation"] = Term(disco(*gather_rows(torch.stack([f, hidden, torch.ones(n)], 1)).unbind(1)), 1, self.coupled, alone=self.uncoupled)
        return terms

    def validate(self, model, examples, finished=None):
        x = torch.from_numpy(examples["x"])
        return {"closeness": Term(-((model(x)[0] - x.sum(1)) ** 2).sum(), len(x))}


def equilibrium():
    """Return (w1, w2, a) by minimising the network's loss with the adversary's best answer, on the moments of the sample."""
    x, hidden = ALL, ALL[:, 1]

    def answer(w):
        f = x @ w
        return (hidden * f).mean() / (f * f).mean()

    def loss(w):
        f = x @ w
        return ((f - x.sum(1)) ** 2).mean() - STRENGTH * ((hidden - answer(w) * f) ** 2).mean()

    w = minimize(loss, [1.0, 0.5], tol=1e-12).x
    return np.array([*w, answer(w)])


def play(folder: RunFolder, learner: PivotLearner, state: TrainingState | None = None, processes: int = 1, **options):
    """Train from a state on; return the loop."""
    return trained(folder, learner, Points(), {**OPTIONS, **options}, state, processes)[0]


def weights(loop):
    return np.concatenate([p.detach().numpy().ravel() for p in loop.network.parameters()])


if __name__ == "__main__":
    path, processes, *items = sys.argv[1:]
    given = {key: yaml.safe_load(value) for key, value in (item.split("=") for item in items)}
    played = play(RunFolder(Path(path)), PivotLearner(**{k: v for k, v in given.items() if k not in OPTIONS}), None, int(processes),
                  **{k: v for k, v in given.items() if k in OPTIONS})
    if played.fabric.global_rank == 0:
        np.save(Path(path) / "weights.npy", weights(played))
