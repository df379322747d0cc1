"""Make the network of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import nn

from ....io.ragged import Array
from ..config import JetsConfig
from ..constituents.features import input_names
from .networks import NETWORKS


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
        made = _trained(config)
        if config.model.decorrelate == "adversarial":
            from .decorrelated import Decorrelated

            made = Decorrelated(made, config, prepared)
    network: nn.Module = made
    return network


def _trained(config: JetsConfig) -> nn.Module:
    """Return a network of layers, or of constituents."""
    if not config.model.takes_constituents:
        from .layers import Layers

        return Layers(config, n_inputs(config))
    from .packed_inputs import OfConstituents

    module, _, attribute = NETWORKS[config.model.name].partition(":")
    features = len(input_names(config.particle_columns, config.particle_expressions))
    made = getattr(import_module(module), attribute)(features, len(config.data.classes), n_inputs(config), **config.model.sizes)
    return OfConstituents(made)


def n_inputs(config: JetsConfig) -> int:
    """Return how many numbers a network takes of each jet, besides its constituents."""
    return len(config.model.inputs) + config.model.parametrise
