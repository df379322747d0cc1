"""Backward pass through a stack of spiking layers, a few samples at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .distances import Distance
from .lif_kernel import Layer, has_gradient, layer_adjoint, replay_membranes
from .trains import SpikeTrains

Array = NDArray[Any]

CHUNK_BYTES = 2 << 20
"""Membranes held at once by a thread: with more than this they leave the processor's cache."""


class Sums(NamedTuple):
    """Gradients of a layer's parameters: weight float32 (K, N), bias and, still to be summed, beta float64 (N,)."""

    weight: Array
    bias: Array
    beta: Array

    @classmethod
    def zeros(cls, layer: Layer) -> Sums:
        """Return zeros for a layer."""
        k, n = layer.weight.shape
        return cls(np.zeros((k, n), np.float32), np.zeros(n), np.zeros(n))

    def add(self, part: Sums, neurons: Array) -> None:
        """Add those of some of the neurons."""
        for total, more in zip(self, part, strict=True):
            total[..., neurons] += more


@dataclass(frozen=True)
class Backward:
    """The backward pass for some of the samples, called in several threads.

    Attributes:
        trains: input, and spikes of each layer.
        layers: the layers.
        gradients: dL/d(counts) (B, C), then of each distance (B, C), then of the dense spikes (T, B, C) if there are any.
        target, distances, dense: as of `lif_stack`.
    """

    trains: Sequence[SpikeTrains]
    layers: Sequence[Layer]
    gradients: Sequence[Array]
    target: SpikeTrains | None
    distances: Sequence[Distance]
    dense: bool

    def __call__(self, first: int, last: int) -> list[Sums]:
        """Return the gradients of each layer's parameters from samples first to last."""
        sums = [Sums.zeros(layer) for layer in self.layers]
        steps, widest = self.trains[0].steps, max(layer.weight.shape[1] for layer in self.layers)
        chunk = max(min(CHUNK_BYTES // (4 * steps * widest), last - first), 1)
        work = [np.empty(chunk * steps * widest, np.float32) for _ in range(2)]
        for begin in range(first, last, chunk):
            self._chunk(begin, min(begin + chunk, last), work, sums)
        return sums

    def _chunk(self, first: int, last: int, work: Sequence[Array], sums: Sequence[Sums]) -> None:
        """Add the gradients from a few samples."""
        layer, gradient, neurons = _selected(self.layers[-1], self._output_gradient(first, last, work[0]))
        if not layer.bias.size:
            return
        for i in range(len(self.layers) - 1, -1, -1):
            events, membrane = self.trains[i].events, _view(work[1], gradient.shape)
            part = sums[i] if neurons is None else Sums.zeros(layer)
            replay_membranes(events, layer, membrane, first, last, first)
            layer_adjoint(events, layer.beta, membrane, gradient, first, last, first, *part)
            if neurons is not None:
                sums[i].add(part, neurons)
            if i > 0:
                gradient = _through_weight(gradient, layer.weight)
                layer, neurons = self.layers[i - 1], None

    def _output_gradient(self, first: int, last: int, work: Array) -> Array:
        """Return dL/dS_t of the last layer, (samples, T, C)."""
        output = self.trains[-1]
        gradient = _view(work, (last - first, output.steps, output.channels))
        gradient[:] = self.gradients[0][first:last, None]
        for distance, weight in zip(self.distances, self.gradients[1:], strict=False):
            assert self.target is not None
            distance.add_gradient(output, self.target, np.ascontiguousarray(weight), gradient, first)
        if self.dense:
            gradient += self.gradients[-1][:, first:last].swapaxes(0, 1)
        return gradient


def _selected(layer: Layer, gradient: Array) -> tuple[Layer, Array, Array | None]:
    """Leave out neurons without a gradient, such as outputs whose counts are right: theirs stays 0.

    Returns:
        The layer and the gradient (samples, T, n) of those that are left, and which they are; None: all.
    """
    neurons = np.flatnonzero(has_gradient(gradient))
    if 2 * len(neurons) > gradient.shape[2]:
        return layer, gradient, None
    layer = layer._replace(weight=np.ascontiguousarray(layer.weight[:, neurons]), bias=layer.bias[neurons])
    return layer, np.ascontiguousarray(gradient[:, :, neurons]), neurons


def _through_weight(gradient: Array, weight: Array) -> Array:
    """Return dL/dS_t of the layer before, given dL/dI_t (samples, T, n) and the weights (K, n).

    Where torch has oneDNN, it has its product too, which takes half the time of `torch.mm` on some
    processors, but no public name in dense float32.
    """
    flat, transposed = torch.from_numpy(gradient.reshape(-1, gradient.shape[2])), torch.from_numpy(weight)
    linear = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None  # type: ignore[no-untyped-call]
    before = torch.mm(flat, transposed.T) if linear is None else linear(flat, transposed, None, "none", [], "")
    found: Array = before.numpy().reshape(*gradient.shape[:2], -1)
    return found


def _view(work: Array, shape: tuple[int, ...]) -> Array:
    """Return the beginning of a work array in a shape: fresh memory would cost more than what is done in it."""
    return work[: math.prod(shape)].reshape(shape)
