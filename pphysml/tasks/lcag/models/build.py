"""The configured network."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ....errors import ModelError
from ....io.ragged import Array
from ....lazy import load_attribute
from ....own_network import OwnNetwork
from ..config import LcagConfig
from . import NETWORKS
from .network import LcagNetwork
from .own_pairs import OwnPairs


def build_network(config: LcagConfig, prepared: Mapping[str, Array]) -> nn.Module:
    """Return the configured network with random weights."""
    name = config.model.name
    network = OwnPairs(config, name) if isinstance(name, OwnNetwork) else _known(config)
    for kind, names in (("feature", config.data.features), ("pair_feature", config.data.pair_features)):
        for name in (f"{kind}_mean", f"{kind}_scale") if names else ():
            if name not in prepared or prepared[name].shape != network.get_buffer(name).shape:
                raise ModelError(f"There is no stored array 'prepared.{name}' of the features that the configuration names.")
            network.get_buffer(name).copy_(torch.from_numpy(prepared[name]))
    return network


def _known(config: LcagConfig) -> LcagNetwork:
    wanted = {"hypotheses": len(config.data.hypotheses), "n_pair_features": len(config.data.pair_features)}
    options = {name: number for name, number in wanted.items() if number}
    network: LcagNetwork = load_attribute(NETWORKS[config.model.name])(config.model, len(config.data.features), config.data.forest, **options)
    return network
