"""What the training loop knows of `showers`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from pphysml.contract import Batch, Learner, Term
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
        each = cross_entropy(model(batch["features"]), batch["kind"], reduction="none")
        return {"class": Term((batch["weight"] * each).sum(), batch["weight"].sum())}

    def validate(self, model: nn.Module, examples: Columns) -> dict[str, Term]:
        """Return the share of right classes."""
        right = model(features(examples)).argmax(1).numpy() == np.asarray(examples["kind"])
        return {"accuracy": Term(int(right.sum()), len(right))}
