"""The plain two-layer network used everywhere."""

from __future__ import annotations

from torch import nn


def two_layer(inputs: int, hidden: int, outputs: int, dropout: float = 0.0) -> nn.Sequential:
    """Return linear, GELU, dropout, linear."""
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, outputs)
    )
