"""The weights of a file in a network."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

from ....errors import ModelError
from ....model_file import ModelFile, first_mismatch

Network = TypeVar("Network", bound=nn.Module)


def with_weights(network: Network, model: ModelFile) -> Network:
    """Load the weights and return the network.

    Raises:
        ModelError: they have other shapes.
    """
    try:
        network.load_state_dict({name: torch.from_numpy(value) for name, value in model.network.items()})
    except RuntimeError as error:
        raise ModelError(f"The weights do not fit their own configuration: {first_mismatch(error)}.") from None
    return network
