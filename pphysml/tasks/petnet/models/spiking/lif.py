"""A stack of fully connected layers of leaky integrate-and-fire neurons, differentiable, on lists of events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from .....errors import InputError
from .distances import Distance, comparable
from .lif_backward import Backward
from .lif_kernel import Layer, layer_spikes, summation_block
from .parallel import over_samples
from .trains import SpikeTrains

Array = NDArray[Any]
Parameters = tuple[Tensor, Tensor | None, Tensor]


@dataclass(frozen=True)
class StackOutput:
    """What a stack of layers returns; tensors carry gradients.

    Attributes:
        spikes: spikes of the last layer.
        counts: spikes of each sample and output, float32 (B, C).
        distances: of each `Distance` asked for, float32 (B, C).
        dense: the spikes as a tensor (T, B, C), as in snntorch, if asked for; slow and large.
    """

    spikes: SpikeTrains
    counts: Tensor
    distances: tuple[Tensor, ...] = ()
    dense: Tensor | None = None


@dataclass
class _Plan:
    """What the passes share besides tensors; `trains` are the input and the spikes of each layer."""

    trains: list[SpikeTrains]
    target: SpikeTrains | None
    distances: Sequence[Distance]
    dense: bool
    threads: int


def lif_stack(trains: SpikeTrains, layers: Sequence[Parameters], *, target: SpikeTrains | None = None,
              distances: Sequence[Distance] = (), dense: bool = False, threads: int = 1) -> StackOutput:
    """Run layers of snntorch's `Leaky` neurons (reset by subtraction, threshold 1) over the events.

    Memory grows with events, not with bins: the backward pass computes membranes again, a few samples at
    a time, for which it holds three arrays (T, N) of at least one sample. Nearly half of its time goes into products of matrices, for which each of the threads has torch's threads
    of its own: leave torch one when there are several.

    Args:
        trains: input.
        layers: weight (N, K), bias (N,) or None, and beta (), float32 on the CPU.
        target: spikes that `distances` are taken from.
        distances: further outputs, see `distances`.
        dense: also return spikes as a tensor.
        threads: threads for samples.

    Raises:
        InputError: the events have other channels than the first layer.
    """
    if trains.channels != layers[0][0].shape[1]:
        raise InputError(f"The events have {trains.channels} channels, the network {layers[0][0].shape[1]} inputs.")
    plan = _Plan([trains], target, distances, dense, threads)
    flat = [p for layer in layers for p in layer]
    counts, *rest = _Stack.apply(plan, *flat)  # type: ignore[no-untyped-call]
    return StackOutput(plan.trains[-1], counts, tuple(rest[: len(distances)]), rest[-1] if dense else None)


class _Stack(torch.autograd.Function):
    """Forward from list to list; backward by chunks of samples, see `lif_kernel`."""

    @staticmethod
    def forward(ctx: Any, plan: _Plan, *parameters: Tensor | None) -> tuple[Tensor, ...]:
        for layer in stack_layers(parameters):
            plan.trains.append(_spikes(plan.trains[-1], layer, plan.threads))
        output = plan.trains[-1]
        ctx.plan = plan
        ctx.save_for_backward(*parameters)
        found = [output.counts(), *(d.value(output, comparable(output, plan.target)) for d in plan.distances)]
        if plan.dense:
            found.append(output.dense())
        return tuple(torch.from_numpy(array) for array in found)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        plan: _Plan = ctx.plan
        run = Backward(plan.trains, stack_layers(ctx.saved_tensors), [g.numpy() for g in gradients], plan.target, plan.distances, plan.dense)
        parts = over_samples(run, 0, len(plan.trains[0]), plan.threads)
        found: list[Tensor | None] = [None]
        for sums, (_, bias, _) in zip(zip(*parts, strict=True), triples(ctx.saved_tensors), strict=True):
            weight, offset, beta = (sum(arrays) for arrays in zip(*sums, strict=True))
            found += [torch.from_numpy(weight.T), None if bias is None else torch.from_numpy(offset.astype(np.float32)),
                      torch.tensor(beta.sum(), dtype=torch.float32)]
        return tuple(found)


def triples(parameters: Sequence[Tensor | None]) -> list[Sequence[Tensor | None]]:
    """Return weight, bias and beta of each layer."""
    return [parameters[i : i + 3] for i in range(0, len(parameters), 3)]


def stack_layers(parameters: Sequence[Tensor | None]) -> list[Layer]:
    """Return the layers for compiled loops."""
    layers = []
    for weight, bias, beta in triples(parameters):
        assert weight is not None and beta is not None
        n, k = weight.shape
        offset = np.zeros(n, np.float32) if bias is None else bias.detach().numpy()
        layers.append(Layer(np.ascontiguousarray(weight.detach().numpy().T), offset, np.float32(beta.item()), summation_block(k)))
    return layers


def _spikes(trains: SpikeTrains, layer: Layer, threads: int) -> SpikeTrains:
    def run(first: int, last: int) -> tuple[Array, Array, Array]:
        return layer_spikes(trains.events, layer, trains.steps, first, last)

    found = over_samples(run, 0, len(trains), threads)
    count, time, channel = (np.concatenate(part) for part in zip(*found, strict=True))
    start = np.concatenate([[0], np.cumsum(count)])
    return SpikeTrains(start, time, channel, np.ones(len(time), np.float32), trains.steps, layer.weight.shape[1])
