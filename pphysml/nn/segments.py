"""Reductions over groups of rows that are given by a number for each row."""

from __future__ import annotations

import torch
from torch import Tensor


def segment_max(values: Tensor, segment: Tensor, n: int, lowest: float = 0.0) -> Tensor:
    """Return the maximum over the rows of each of `n` groups, and of `lowest`: (rows, C) to (n, C)."""
    result = values.new_full((n, *values.shape[1:]), lowest)
    index = segment.reshape(-1, *[1] * (values.dim() - 1)).expand_as(values)
    return result.scatter_reduce(0, index, values, "amax", include_self=True)


def segment_logsumexp(values: Tensor, segment: Tensor, n: int, free: Tensor | None = None) -> Tensor:
    """Return the log of the sum of exponentials over the rows of each of `n` groups and one free term.

    Args:
        values: (rows, C).
        segment: group of each row, (rows,).
        free: further term of each group, (n, C); 0 without it.
    """
    if free is None:
        free = values.new_zeros((n, *values.shape[1:]))
    with torch.no_grad():
        highest = torch.maximum(segment_max(values.detach(), segment, n, float("-inf")), free.detach())
    total = torch.exp(free - highest).index_add(0, segment, torch.exp(values - highest[segment]))
    return highest + torch.log(total)
