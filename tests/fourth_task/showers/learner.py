"""What the training loop knows of `showers`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pphysml.contract import Adversary, Batch, Learner, Term
from pphysml.io.ragged import Array, Columns

from .config import ShowersConfig
from .models.network import build_network, features


class ShowersLearner(Learner):
    """Cross entropy of classes; see `contract.Learner`."""

    monitor = "accuracy"

    def __init__(self, config: ShowersConfig) -> None:
        self.config = config

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network."""
        return build_network(self.config)

    def lengths(self, examples: Columns) -> Array:
        """Return one for each shower."""
        return np.ones(len(examples["energy"]))

    def collate(self, examples: Columns) -> Batch:
        """Return features, classes and weights."""
        weight = np.asarray(examples.get("importance", np.ones(len(examples["energy"]))), dtype=np.float32)
        return {"features": features(examples), "kind": torch.from_numpy(np.asarray(examples["kind"], dtype=np.int64)), "weight": torch.from_numpy(weight)}

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return the weighted cross entropy."""
        logits, guess = model(batch["features"])
        each = cross_entropy(logits, batch["kind"], reduction="none")
        terms = {"class": Term((batch["weight"] * each).sum(), batch["weight"].sum())}
        if guess is not None:
            terms["energy"] = Term(((guess - batch["features"][:, :1]) ** 2).sum(), len(guess), 0.5, of_adversary=True)
        return terms

    def adversary(self, network: nn.Module) -> Adversary | None:
        """Return the part that guesses the energy, if there is one."""
        part = network.adversary
        return None if part is None else Adversary(part, learning_rate=0.01, steps=2, alone=5)

    def validate(self, model: nn.Module, examples: Columns, finished: Mapping[str, Array] | None = None) -> dict[str, Term]:
        """Return the share of right classes."""
        right = model(features(examples))[0].argmax(1).numpy() == np.asarray(examples["kind"])
        return {"accuracy": Term(int(right.sum()), len(right))}
