"""Networks written with snntorch in the compiled kernels, where these compute the same; else in snntorch as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import snntorch
import torch
from snntorch.surrogate import atan
from torch import Tensor, nn

from .distances import Distance
from .lif import Parameters, StackOutput, lif_stack
from .stepping import Stepped, class_name, is_chain, layers_of
from .trains import SpikeTrains

SURROGATE = atan(alpha=2.0)
"""The surrogate gradient of the kernels, snntorch's default."""


@dataclass(frozen=True)
class Accelerated:
    """A chain of linear layers and neurons, run by the compiled kernels; see `lif`.

    Attributes:
        chain: `nn.Linear` and `snntorch.Leaky` of each layer.
        reason: None, since nothing keeps it from the kernels; see `Stepped`.
    """

    chain: Sequence[tuple[nn.Linear, Any]]
    reason: None = None

    def layers(self) -> list[Parameters]:
        """Return weight, bias and beta within [0, 1] of each layer, on the CPU, where the loops over events are."""
        return [(fc.weight.cpu(), None if fc.bias is None else fc.bias.cpu(), leaky.beta.clamp(0, 1).reshape(()).cpu())
                for fc, leaky in self.chain]

    def __call__(self, trains: SpikeTrains, target: SpikeTrains | None = None, distances: Sequence[Distance] = (),
                 threads: int = 1) -> StackOutput:
        """Return spikes, counts and distances of the last layer, see `lif_stack`."""
        return lif_stack(trains, self.layers(), target=target, distances=distances, threads=threads)


def accelerate(network: nn.Module) -> Accelerated | Stepped:
    """Return what runs the network: the compiled kernels if they compute the same spikes and gradients, else snntorch.

    They do for an `nn.Sequential`, also of others, in which `nn.Linear` and `snntorch.Leaky` take turns, the
    latter with one beta for a layer and, but for `learn_beta`, `init_hidden` and `output`, with snntorch's defaults.
    """
    found = _difference(network)
    if found:
        return Stepped(network, f"{found}, which the compiled kernels do not compute: the network runs in snntorch, "
                                "step by step")
    layers: list[Any] = [layer for _, layer in layers_of(network)]
    return Accelerated(list(zip(layers[::2], layers[1::2], strict=True)))


def _difference(network: nn.Module) -> str:
    """Return the first part of a network that the kernels do not have; "" if they have all."""
    if not is_chain(network):
        return f"the network is {class_name(network)}, a module of its own"
    layers = list(layers_of(network))
    for i, (name, layer) in enumerate(layers):
        others = [other for other, before in layers[:i] if before is layer and not isinstance(layer, nn.Linear)]
        wanted = nn.Linear if i % 2 == 0 else snntorch.Leaky
        found = f"layer {others[0]} once more" if others else _layer_difference(layer, wanted)
        if found:
            return f"layer {name} is {found}"
    return "" if layers and len(layers) % 2 == 0 else "the network is a chain that does not end with neurons"


def _layer_difference(layer: nn.Module, wanted: type[nn.Module]) -> str:
    """Return what a layer is instead of one of the kernels'; "" if it is one. A subclass may do anything."""
    if type(layer) is not wanted:
        return class_name(layer) + (f" in the place of {wanted.__name__}" if type(layer) in (nn.Linear, snntorch.Leaky) else "")
    if layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks:
        return f"{class_name(layer)} with hooks"
    if isinstance(layer, nn.Linear):
        return "" if layer.weight.dtype is torch.float32 else f"{class_name(layer)} with weights of {layer.weight.dtype}"
    differing = [name for name, differs in _leaky_differences(layer).items() if differs]
    return f"{class_name(layer)} with {differing[0]}" if differing else ""


def _leaky_differences(leaky: Any) -> dict[str, bool]:
    """Return which options of snntorch's neurons are not those of the kernels, from what its forward reads."""
    return {
        "a beta for each neuron": leaky.beta.numel() != 1,
        "beta in double precision": not _is_single(leaky.beta),
        "another threshold than 1": not _is_one(leaky.threshold),
        "another reset than by subtraction": leaky.state_function != leaky._base_sub,
        "reset_delay=False": not leaky.reset_delay,
        "another surrogate gradient than atan(alpha=2)": not _is_arc_tangent(leaky.spike_grad),
        "another graded_spikes_factor than 1": not _is_one(leaky.graded_spikes_factor),
        "inhibition": bool(leaky.inhibition),
        "state_quant": bool(leaky.state_quant),
    }


def _is_one(option: Tensor) -> bool:
    """Return whether an option is 1 and is not learned."""
    return not isinstance(option, nn.Parameter) and option.numel() == 1 and option.item() == 1 and _is_single(option)


def _is_single(option: Tensor) -> bool:
    """Return whether membranes stay float32; torch takes a tensor without dimensions for a number."""
    return option.ndim == 0 or option.dtype is torch.float32


def _is_arc_tangent(surrogate: object) -> bool:
    """Return whether a surrogate was made by the same function, of the same numbers."""
    same = isinstance(surrogate, FunctionType) and surrogate.__code__ is SURROGATE.__code__
    return same and _numbers(surrogate) == _numbers(SURROGATE)


def _numbers(function: Any) -> list[object]:
    return [cell.cell_contents for cell in function.__closure__ or ()]
