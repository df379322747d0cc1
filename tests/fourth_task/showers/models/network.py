"""The network: energy and width of a shower to the logit of each class."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pphysml.contract import Engine
from pphysml.io.ragged import Array, Columns
from pphysml.model_file import ModelFile

from ..config import ShowersConfig


def features(examples: Columns) -> Tensor:
    """Return what the network sees, float32 (N, 2)."""
    energy, width = (np.asarray(examples[name], dtype=np.float32) for name in ("energy", "width"))
    return torch.from_numpy(np.column_stack([np.log1p(energy), width]))


class Network(nn.Module):
    """Logits of the classes, and the energy that an adversary guesses from them, if there is one."""

    def __init__(self, classes: int, adversary: bool) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, classes))
        self.adversary = nn.Sequential(nn.Linear(classes, 8), nn.Tanh(), nn.Linear(8, 1)) if adversary else None

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return the logits, (N, classes), and the guessed energy, (N, 1)."""
        logits = self.layers(seen)
        return logits, None if self.adversary is None else self.adversary(logits)


def build_network(config: ShowersConfig) -> Network:
    """Return the network with random weights."""
    return Network(len(config.data.classes), config.model.against_energy)


class NetworkEngine(Engine):
    """Scores by the network, and how many showers it has seen."""

    def __init__(self, config: ShowersConfig, model: ModelFile, device: Any) -> None:
        self.classes = config.data.classes
        self.network = build_network(config)
        self.network.load_state_dict({name: torch.from_numpy(value) for name, value in model.network.items()})
        self.n_showers = 0

    def __call__(self, examples: Columns) -> Columns:
        """Return the energy and a score for each class."""
        self.n_showers += len(examples["energy"])
        with torch.no_grad():
            scores: Array = torch.softmax(self.network(features(examples))[0], 1).numpy()
        return {"energy": examples["energy"], **{f"score_{name}": scores[:, k] for k, name in enumerate(self.classes)}}

    def facts(self) -> dict[str, Any]:
        """Return how many showers there were."""
        return {"showers": self.n_showers}
