"""Batch normalisation, activation and what follows, in parts that fit into a cache and are made again for the gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import gelu

from .....nn.row_norm import EPSILON, RowNorm

PART = 2**20
"""Numbers of a part: large arrays would be new memory each time, whose pages cost more than what is done in them."""

Activation = Literal["relu", "gelu"]


def mapped(rows: Tensor, norm: nn.Module, activation: Activation, layer: nn.Module) -> Tensor:
    """Return `layer(activation(norm(rows)))` of a `RowNorm` and a linear layer, (N, C) to (N, outputs)."""
    assert isinstance(layer, nn.Linear)
    found: Tensor = _After.apply(rows, *_of_norm(rows, norm), activation, 1, layer.weight, layer.bias)  # type: ignore[no-untyped-call]
    return found


def averaged(rows: Tensor, norm: nn.Module, activation: Activation, k: int) -> Tensor:
    """Return the mean of `activation(norm(rows))` over each k rows, (N k, C) to (N, C)."""
    found: Tensor = _After.apply(rows, *_of_norm(rows, norm), activation, k, None, None)  # type: ignore[no-untyped-call]
    return found


def pieces(rows: Tensor, numbers: int, training: bool) -> Iterator[slice]:
    """Yield parts of the rows, of each of which `numbers` are made; all at once in training, where moments are those of all."""
    return _slices(len(rows), len(rows) if training or rows.is_cuda else PART // numbers)


def _of_norm(rows: Tensor, norm: nn.Module) -> tuple[Tensor, Tensor, Tensor, Tensor, bool]:
    """Return scale, shift, mean and variance of a normalisation, and whether the last two are of the rows."""
    assert isinstance(norm, RowNorm)
    from_batch = norm.training and len(rows) > 1
    mean, variance = _moments(rows.detach()) if from_batch else (norm.running_mean, norm.running_var)
    if from_batch:
        norm.absorb(mean, variance, len(rows))
    return norm.weight, norm.bias, mean, variance, from_batch


def _moments(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and variance, (C,) each; those of parts are put together as by T. F. Chan et al. (1979), doi:10.1007/978-3-642-51461-6_3."""
    n, mean, squares = 0, rows.new_zeros(rows.shape[1], dtype=torch.float64), rows.new_zeros(rows.shape[1], dtype=torch.float64)
    for part in _parts(rows):
        values = rows[part].float() if rows.dtype == torch.bfloat16 else rows[part]
        own = values.sum(0) / len(values)
        apart = values - own
        away, total = own - mean, n + len(values)
        squares += (apart * apart).sum(0) + away**2 * (n * len(values) / total)
        mean += away * (len(values) / total)
        n = total
    kind = torch.float64 if rows.dtype == torch.float64 else torch.float32
    return mean.to(kind), (squares / n).to(kind)


def _parts(rows: Tensor, k: int = 1) -> Iterator[slice]:
    """Yield parts of the rows, of whole groups of k."""
    return _slices(len(rows), len(rows) if rows.is_cuda else max(PART // rows.shape[1] // k, 1) * k)


def _slices(n: int, step: int) -> Iterator[slice]:
    """Yield slices of n rows; without rows there is one without any."""
    return (slice(start, min(start + step, n)) for start in range(0, max(n, 1), max(step, 1)))


class _After(torch.autograd.Function):
    """`mapped` or `averaged`; only the rows are kept for the gradient."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, from_batch: bool, activation: Activation, k: int,
                matrix: Tensor | None, offset: Tensor | None) -> Tensor:
        ctx.from_batch, ctx.activation, ctx.k, ctx.with_offset = from_batch, activation, k, offset is not None
        rate = torch.rsqrt(variance + EPSILON)
        scale, shift = weight * rate, bias - mean * weight * rate
        ctx.save_for_backward(rows, scale, shift, mean, rate, matrix)
        device = rows.device.type
        kind = torch.get_autocast_dtype(device) if matrix is not None and torch.is_autocast_enabled(device) else mean.dtype
        found = rows.new_empty(len(rows) // k, rows.shape[1] if matrix is None else len(matrix), dtype=kind)
        for part in _parts(rows, k):
            values, place = _activated(torch.addcmul(shift, rows[part], scale), activation), found[part.start // k : part.stop // k]
            if matrix is None:
                torch.mean(torch.unflatten(values, 0, (len(place), k)), 1, out=place)
            else:
                torch.mm(values.to(kind), matrix.T.to(kind), out=place)
        return found if offset is None else found.add_(offset)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        rows, scale, shift, mean, rate, matrix = ctx.saved_tensors
        found = torch.empty_like(rows, dtype=mean.dtype)
        of_matrix: Any = None if matrix is None else torch.zeros_like(matrix)
        of_scale, of_shift = torch.zeros_like(scale), torch.zeros_like(shift)
        for part in _parts(rows, ctx.k):
            inner, given = torch.addcmul(shift, rows[part], scale), gradient[part.start // ctx.k : part.stop // ctx.k]
            if matrix is None:
                given = (given / ctx.k).repeat_interleave(ctx.k, 0)
            else:
                of_matrix += given.T @ _activated(inner, ctx.activation).to(given.dtype)
                given = (given @ matrix.to(given.dtype)).to(inner.dtype)
            through = _through(given, inner, ctx.activation, found[part])
            of_shift += through.sum(0)
            of_scale += (through * rows[part]).sum(0)
        of_weight = (of_scale - mean * of_shift) * rate
        slope = -scale * rate * of_weight / len(rows)
        for part in _parts(rows):
            found[part] *= scale
            if ctx.from_batch:
                found[part].addcmul_(rows[part], slope).sub_(scale * of_shift / len(rows) + mean * slope)
        offset = gradient.sum(0) if ctx.with_offset else None
        return found.to(rows.dtype), of_weight, of_shift, None, None, None, None, None, of_matrix, offset


def _activated(values: Tensor, activation: Activation) -> Tensor:
    """Return the activation of values that are not needed any more."""
    return values.relu_() if activation == "relu" else gelu(values)


def _through(gradient: Tensor, values: Tensor, activation: Activation, place: Tensor) -> Tensor:
    """Return the gradient by what went into an activation, in its place."""
    found: Tensor
    if activation == "relu":
        found = torch.ops.aten.threshold_backward.grad_input(gradient, values, 0, grad_input=place)
    else:
        found = torch.ops.aten.gelu_backward.grad_input(gradient, values, grad_input=place)
    return found
