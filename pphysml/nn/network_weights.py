"""The weights of a file in a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

import torch
from torch import nn

from ..errors import ModelError
from ..io.ragged import Array
from ..model_file import ModelFile

Network = TypeVar("Network", bound=nn.Module)


def with_weights(network: Network, model: ModelFile) -> Network:
    """Load the weights of a model and return the network.

    Raises:
        ModelError: they are other ones than the network has by the model's own configuration.
    """
    problem = mismatch(network, model.network)
    if problem:
        raise ModelError(f"The weights do not fit their own configuration: {problem}.")
    load(network, model.network)
    return network


def load(network: nn.Module, weights: Mapping[str, Array]) -> None:
    """Load weights that fit."""
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})


def mismatch(network: nn.Module, weights: Mapping[str, Array]) -> str:
    """Return the first difference between a network's weights and given ones, and how many others there are; "" if they fit."""
    found = list(_differences(network, weights))
    return (found[0] if found else "") + (f", and {len(found) - 1} more" if len(found) > 1 else "")


def _differences(network: nn.Module, weights: Mapping[str, Array]) -> Iterator[str]:
    own = network.state_dict()
    for name, value in own.items():
        if name not in weights:
            yield f"there is no {name}"
        elif tuple(value.shape) != weights[name].shape:
            yield f"{name} has the shape {weights[name].shape}, not {tuple(value.shape)}"
    yield from (f"{name} is not in the network" for name in weights if name not in own)
