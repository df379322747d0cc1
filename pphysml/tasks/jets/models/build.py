"""Make the network of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from ....io.ragged import Array
from ..config import JetsConfig


def build_network(config: JetsConfig, prepared: Mapping[str, Array]) -> nn.Module:
    """Return the network, from inputs (n, inputs) to logarithms of probabilities up to a constant (n, classes)."""
    made: Any
    if config.model.name == "trees":
        from .boosted_trees import BoostedTrees

        made = BoostedTrees(config, prepared)
    elif config.model.name == "score":
        from .given_score import GivenScore

        made = GivenScore(config)
    else:
        from .layers import Layers

        made = Layers(config, n_inputs(config))
        if config.model.decorrelate == "adversarial":
            from .decorrelated import Decorrelated

            made = Decorrelated(made, config, prepared)
    network: nn.Module = made
    return network


def n_inputs(config: JetsConfig) -> int:
    """Return how many numbers a network takes of each jet."""
    return len(config.model.inputs) + config.model.parametrise
