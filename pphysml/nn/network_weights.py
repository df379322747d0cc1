"""The weights of a file in a network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_parameter_registration_hook

from ..errors import ModelError, shortened
from ..io.ragged import Array
from ..model_file import ModelFile

Network = TypeVar("Network", bound=nn.Module)

MORE = 4
"""How often a parameter may be set anew while its network is made."""


def with_weights(make: Callable[[], Network], model: ModelFile) -> Network:
    """Make a network and load the weights of a model.

    Args:
        make: returns the network of the model's own configuration, which is not made if it is larger than the weights.

    Raises:
        ModelError: they are other ones than the network has.
    """
    with _of_at_most(sum(value.size for value in model.network.values()), model.named):
        network = make()
    problem = mismatch(network, model.network)
    if problem:
        raise ModelError(f"{model.named}: the weights do not fit their own configuration: {problem}.")
    load(network, model.network)
    return network


def load(network: nn.Module, weights: Mapping[str, Array]) -> None:
    """Load weights that fit."""
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})


def mismatch(network: nn.Module, weights: Mapping[str, Array | Tensor]) -> str:
    """Return the first difference between a network's weights and given ones, and how many others there are; "" if they fit."""
    found = list(_differences(network, weights))
    return (found[0] if found else "") + (f", and {len(found) - 1} more" if len(found) > 1 else "")


def _differences(network: nn.Module, weights: Mapping[str, Array | Tensor]) -> Iterator[str]:
    own = network.state_dict()
    for name, value in own.items():
        if name not in weights:
            yield f"there is no {name}"
            continue
        wanted, given = (str(of.dtype).removeprefix("torch.") for of in (value, weights[name]))
        if tuple(value.shape) != tuple(weights[name].shape):
            yield f"{name} has the shape {tuple(weights[name].shape)}, not {tuple(value.shape)}"
        elif wanted != given:
            yield f"{name} is {given}, not {wanted}"
    yield from (f"{shortened(name)} is not in the network" for name in weights if name not in own)


@contextmanager
def _of_at_most(size: int, named: str) -> Iterator[None]:
    """Refuse to make a network that is larger than its weights, before memory is used."""
    registered = 0

    def count(module: nn.Module, name: str, parameter: Any) -> None:
        nonlocal registered
        registered += parameter.numel()
        if registered > MORE * size:
            raise ModelError(f"{named}: its configuration is of a larger network than its weights.")

    hook = register_module_parameter_registration_hook(count)
    try:
        yield
    finally:
        hook.remove()
