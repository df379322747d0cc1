"""Lorentz-invariant inputs of the network: all that four-momenta say without a preferred frame."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor


@lru_cache(maxsize=64)
def pair_indices(n: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return i and j of the n(n-1)/2 pairs, and the pair number of (i, j) as an (n, n) table.

    The diagonal of the table holds the number of pairs, one past the last.
    """
    i, j = torch.triu_indices(n, n, offset=1).unbind(0)
    table = torch.full((n, n), len(i), dtype=torch.long)
    table[i, j] = table[j, i] = torch.arange(len(i))
    return i, j, table


@lru_cache(maxsize=16)
def subset_members(n: int) -> Tensor:
    """Return which leaves each subset holds, as float32 (2**n, n); subset S has bit i for leaf i."""
    return members(torch.arange(2**n), n)


def members(sets: Tensor, n: int) -> Tensor:
    """Return which of n leaves each set holds, float32 (..., n), from bitmasks int64 (...)."""
    return (sets[..., None] >> torch.arange(n, device=sets.device) & 1).float()


def minkowski(a: Tensor, b: Tensor) -> Tensor:
    """Return the scalar product E E' - p p' of four-vectors (px, py, pz, e), shape (...)."""
    return a[..., 3] * b[..., 3] - (a[..., :3] * b[..., :3]).sum(-1)


def mass(p4: Tensor) -> Tensor:
    """Return the invariant mass; 0 where smearing made its square negative."""
    return minkowski(p4, p4).clamp_min(0).sqrt()


def event_frame(p4: Tensor) -> tuple[Tensor, Tensor]:
    """Return each leaf's energy and momentum in the rest frame of the event's sum, shapes (B, n).

    Both are invariants: the energy is p.P / sqrt(P.P). Padding (zero rows) gives zeros.
    """
    total = p4.sum(-2, keepdim=True)
    energy = minkowski(p4, total) / mass(total).clamp_min(1e-12)
    momentum = (energy**2 - minkowski(p4, p4).clamp_min(0)).clamp_min(0).sqrt()
    return energy, momentum
