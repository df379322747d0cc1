"""Weights published for the same networks, under the names that they have here."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

RENAMED = (
    (r"^(?:mod\.|module\.)+", ""),
    (r"\.in_proj_(weight|bias)$", r".in_proj.\1"),
    (r"^fc\.(\d+)(?:\.0)?\.(weight|bias)$", r"fc.layers.\1.\2"),
)
"""Pattern of a name in weaver-core (https://github.com/hqucms/weaver-core), and in what was published before it -> the one here."""


def published_weights(given: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """Return weights as weaver-core trains them (ParticleNet without fusion, Particle Transformer of version 1) by our names.

    Convolutions over one place become linear layers. Counts of batches are left out, which no output depends on; what weights
    for inputs of jets the network has, and those do not, are 0. Others that are missing or too many stay so, for the caller to refuse.

    Args:
        given: weights by name, of a network of the same sizes.
        network: one that is to have them.
    """
    own = network.state_dict()
    found = {name: torch.zeros_like(value) for name, value in own.items() if name.endswith("of_jets.weight")}
    for name, value in given.items():
        if name.endswith("num_batches_tracked"):
            continue
        for pattern, ours in RENAMED:
            name = re.sub(pattern, ours, name)
        found[name] = value.flatten(1) if name in own and own[name].dim() == 2 else value
    return found
