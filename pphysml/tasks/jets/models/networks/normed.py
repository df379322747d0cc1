"""A linear layer and the batch normalisation behind it, as one layer where the moments are known."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from .....nn.row_norm import EPSILON, RowNorm


def normed(layer: nn.Module, norm: nn.Module, rows: Tensor) -> Tensor:
    """Return `norm(layer(rows))` of a linear layer and a `RowNorm`; when not in training, both are one linear layer."""
    assert isinstance(layer, nn.Linear) and isinstance(norm, RowNorm)
    if norm.training:
        normalised: Tensor = norm(layer(rows))
        return normalised
    scale = norm.weight * torch.rsqrt(norm.running_var + EPSILON)
    shift = norm.bias - norm.running_mean * scale
    return linear(rows, layer.weight * scale[:, None], torch.addcmul(shift, layer.bias, scale) if layer.bias is not None else shift)
