"""Sums and columns over all processes of a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from lightning_fabric import Fabric
from torch import Tensor, distributed

Result = TypeVar("Result")


def summed(fabric: Fabric, values: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes; it carries no gradient."""
    return _reduced(fabric, values, "sum")


def from_first(fabric: Fabric, make: Callable[[], Result]) -> Result:
    """Return on every process what the first one makes."""
    made = make() if fabric.global_rank == 0 else None
    return made if fabric.world_size == 1 else fabric.broadcast(made)  # type: ignore[return-value]


def largest(fabric: Fabric, value: int) -> int:
    """Return the largest of a number over the processes."""
    return int(_reduced(fabric, torch.tensor(float(value)), "max"))


def _reduced(fabric: Fabric, values: Tensor, how: str) -> Tensor:
    if fabric.world_size == 1:
        return values
    # The sum takes the place of what is summed.
    reduced = fabric.all_reduce(values.to(fabric.device, copy=True), reduce_op=how)
    assert isinstance(reduced, Tensor)
    return reduced


def gather_rows(rows: Tensor) -> Tensor:
    """Return the rows of a batch from all processes, in the order of the batch, with their gradient.

    For losses that are no sums over examples, such as a correlation of two columns. Every process then
    returns the same value with the count 1, and the training takes the mean over processes. By itself a
    process gets its own rows back.

    Args:
        rows: of this process, (n, ...): process r of W has rows r, r + W, r + 2 W, ... of the batch; those that
            do not count are left out after they have been gathered.

    Raises:
        ValueError: the numbers of rows are not those of a batch.
    """
    if not distributed.is_initialized() or distributed.get_world_size() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return gathered


class _Gather(torch.autograd.Function):
    """Each process's rows to all; the gradient of a row is the sum of those that the processes find."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        rank, processes = distributed.get_rank(), distributed.get_world_size()
        counts = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(processes)]
        distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
        # Collectives want equal shapes: the rows are filled up, and nothing is written where there are none.
        found = [int(count) for count in counts]
        total = sum(found)
        if found != [len(range(number, total, processes)) for number in range(processes)]:
            raise ValueError(f"The processes have {found} rows, which are no shares of a batch: gather all rows, "
                             "and choose among them then.")
        filled = rows.new_zeros((max(found), *rows.shape[1:]))
        filled[: len(rows)] = rows
        parts = [torch.empty_like(filled) for _ in range(processes)]
        distributed.all_gather(parts, filled)
        batch = rows.new_empty((total, *rows.shape[1:]))
        for number, (part, count) in enumerate(zip(parts, found, strict=True)):
            batch[number::processes] = part[:count]
        ctx.own = slice(rank, None, processes)
        return batch

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        gradient = gradient.contiguous().clone()
        distributed.all_reduce(gradient)
        return gradient[ctx.own]
