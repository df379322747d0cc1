"""Trainings that start from weights published for a network of constituents."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from ....errors import ModelError
from ....nn.network_weights import mismatch
from ....nn.state_dictionaries import read_state_dictionary
from .networks.published import published_weights
from .packed_inputs import OfConstituents


def start_from_published(network: nn.Module, path: Path) -> None:
    """Put weights as weaver-core trains them into the network that is trained; an adversary stays as it is.

    Raises:
        ModelError: they cannot be read, or are of another network.
    """
    inner = next((part.network for part in network.modules() if isinstance(part, OfConstituents)), None)
    if inner is None:
        raise ModelError(f"{path}: was not written by pphysml; weights of weaver-core are those of model.name=particlenet, part or pfn.")
    found = published_weights(read_state_dictionary(path), inner)
    if problem := mismatch(inner, found):
        raise ModelError(f"{path}: does not fit the configured network ({problem}). Published for JetClass are networks with model.particle_inputs=[full], and ten classes, in the order of the preset jetclass.")
    if unfit := next((name for name, value in found.items() if not torch.isfinite(value).all()), None):
        raise ModelError(f"{path}: the weights {unfit!r} are not finite.")
    inner.load_state_dict(found)
