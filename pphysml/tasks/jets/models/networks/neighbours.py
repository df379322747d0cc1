"""The constituents of a jet that are nearest to each one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from .packing import Packing


@torch.no_grad()
def nearest(points: Tensor, packing: Packing, k: int) -> Tensor:
    """Return the numbers of the k nearest other constituents in the same jet, int64 (P, k); P, where a jet has no more.

    Distances are taken directly: by products of matrices, as is faster, small ones would be rounded.

    Args:
        points: where the sorted constituents are, (P, dimensions).
        packing: of the jets.
        k: how many.
    """
    padded, found = packing.padded(points), []
    for block in packing.blocks:
        at = torch.unflatten(padded[block.slots], 0, block.shape)
        distance = torch.cdist(at, at, compute_mode="donot_use_mm_for_euclid_dist").masked_fill(~block.real[:, None], torch.inf)
        distance.diagonal(dim1=1, dim2=2).fill_(torch.inf)
        close, number = distance.topk(min(k, block.shape[1]), largest=False)
        number = torch.where(close.isinf(), len(points), number + packing.first[block.jets, None, None])
        found.append(pad(number, (0, k - number.shape[-1]), value=len(points)).flatten(0, 1))
    return packing.packed(torch.cat(found))
