"""Spiking networks in snntorch itself, bin by bin over dense spikes, with the interface of the compiled kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .....errors import ConfigError
from .distances import Distance, comparable
from .lif import StackOutput
from .trains import SpikeTrains


@runtime_checkable
class Neurons(Protocol):
    """A module with a state, as snntorch's neurons have."""

    def reset_mem(self) -> object:
        """Set the state to that before the first bin."""


@dataclass(frozen=True)
class Stepped:
    """A network that runs in torch and snntorch as it is.

    Attributes:
        network: an `nn.Sequential`, whose layers are called bin by bin and keep their states themselves; or any other
            module, whose forward takes all spikes as float32 (T, B, C), and returns those of its outputs, (T, B, C').
        reason: why it does not run in the compiled kernels, a sentence without full stop.
    """

    network: nn.Module
    reason: str

    def __call__(self, trains: SpikeTrains, target: SpikeTrains | None = None, distances: Sequence[Distance] = (),
                 threads: int = 1) -> StackOutput:
        """Return spikes, counts and distances of the last layer; gradients are those of torch.

        Args:
            trains, target, distances: as of `lif_stack`.
            threads: has no effect here, where threads are torch's.

        Raises:
            ConfigError: a layer cannot be stepped, or the network takes other spikes, or returns none.
        """
        parameter = next(self.network.parameters(), torch.zeros(0))
        dense = torch.from_numpy(trains.dense()).to(parameter.device)
        spikes = self._spikes(dense).cpu()
        output = SpikeTrains.from_dense(spikes.detach().numpy())
        found = _Distances.apply(spikes, output, comparable(output, target), distances) if distances else ()  # type: ignore[no-untyped-call]
        return StackOutput(output, spikes.sum(0), tuple(found))

    def _spikes(self, dense: Tensor) -> Tensor:
        """Return the output (T, B, C'), from silent neurons on, which are left without a graph of gradients."""
        _silence(self.network)
        spikes = _by_bins(self.network, dense) if is_chain(self.network) else self.network(dense)
        _silence(self.network)
        if not isinstance(spikes, Tensor) or spikes.ndim != 3 or spikes.shape[:2] != dense.shape[:2]:
            raise ConfigError(f"{class_name(self.network)} is to return spikes as one tensor (bins, samples, channels), "
                              f"here ({len(dense)}, {dense.shape[1]}, any), and returned {_shape(spikes)}.")
        return spikes.float()


class _Distances(torch.autograd.Function):
    """Distances of dense spikes (T, B, C) from a target, as numbers (B, C), and their gradients."""

    @staticmethod
    def forward(ctx: Any, spikes: Tensor, output: SpikeTrains, target: SpikeTrains,
                distances: Sequence[Distance]) -> tuple[Tensor, ...]:
        ctx.compared = output, target, distances
        return tuple(torch.from_numpy(distance.value(output, target)) for distance in distances)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *weights: Tensor) -> tuple[Tensor | None, ...]:
        output, target, distances = ctx.compared
        gradient = np.zeros((len(output), output.steps, output.channels), dtype=np.float32)
        for distance, weight in zip(distances, weights, strict=True):
            distance.add_gradient(output, target, np.ascontiguousarray(weight.numpy()), gradient, 0)
        return torch.from_numpy(gradient).swapaxes(0, 1), None, None, None


def is_chain(network: nn.Module) -> bool:
    """Return whether a network is a chain of layers, and does nothing but call one after the other."""
    hooks = (network._forward_hooks, network._forward_pre_hooks, network._backward_hooks, network._backward_pre_hooks)
    return isinstance(network, nn.Sequential) and type(network).forward is nn.Sequential.forward and not any(hooks)


def layers_of(network: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """Yield the layers of a chain, and of chains in it, with their places such as "2" or "0.1"."""
    assert isinstance(network, nn.Sequential)
    for i, layer in enumerate(network):
        if is_chain(layer):
            yield from layers_of(layer, f"{prefix}{i}.")
        else:
            yield f"{prefix}{i}", layer


def class_name(module: nn.Module) -> str:
    """Return the name of a module's class as its users import it."""
    kind = type(module)
    public = (name for name in ("torch.nn", "snntorch") if kind.__module__.startswith(f"{name}."))
    package = next(public, kind.__module__)
    return f"{package}.{kind.__qualname__}"


def _by_bins(network: nn.Module, dense: Tensor) -> Tensor:
    layers = list(layers_of(network))
    _check_layers(layers)
    rows = []
    try:
        for row in dense:
            for name, layer in layers:
                row = _called(name, layer, row)
            rows.append(row)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"Layer {name} of the network, {class_name(layer)}, cannot take spikes {tuple(row.shape)} "
                          f"of {row.dtype}: {reason}.") from error
    return torch.stack(rows)


def _called(name: str, layer: nn.Module, row: Tensor) -> Tensor:
    """Return what a layer makes of one bin; neurons of snntorch return their states beside their spikes."""
    found = layer(row)
    if isinstance(found, tuple) and isinstance(layer, Neurons):
        found = found[0]
    if not isinstance(found, Tensor) or found.shape[:1] != row.shape[:1]:
        raise ConfigError(f"Layer {name} of the network, {class_name(layer)}, is to return one tensor "
                          f"(samples, channels), here ({len(row)}, any), and returned {_shape(found)}.")
    return found


def _check_layers(layers: Sequence[tuple[str, nn.Module]]) -> None:
    """Refuse layers whose states nobody resets, and a last layer that does not spike."""
    for name, layer in layers:
        if not _has_neurons(layer) and not _is_of_torch(layer):
            raise ConfigError(f"Layer {name} of the network, {class_name(layer)}, cannot be called bin by bin, since it "
                              "has no reset_mem() as neurons of snntorch have: give it one, or write the network as a "
                              "module whose forward takes all spikes (bins, samples, channels).")
    if not layers:
        raise ConfigError("The network has no layers: let it end with neurons of snntorch.")
    name, last = layers[-1]
    if not _has_neurons(last):
        raise ConfigError(f"Layer {name} of the network, {class_name(last)}, is its last one and does not spike: let it "
                          "end with neurons of snntorch.")


def _is_of_torch(layer: nn.Module) -> bool:
    """Return whether a layer is one of torch's or derived from one, which have no state from bin to bin."""
    return any(kind.__module__.startswith("torch.nn.") for kind in type(layer).__mro__ if kind is not nn.Module)


def _has_neurons(layer: nn.Module) -> bool:
    return any(isinstance(part, Neurons) for part in layer.modules())


def _silence(network: nn.Module) -> None:
    for part in network.modules():
        if isinstance(part, Neurons):
            part.reset_mem()


def _shape(found: object) -> str:
    return f"one of {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
