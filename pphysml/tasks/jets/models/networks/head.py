"""The layers behind the sum over constituents."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


class Head(nn.Module):
    """Layers with ReLU and dropout behind them; the first also takes the inputs of jets.

    Args:
        widths: of what comes in, and of the layers.
        classes: outputs.
        jet_inputs: inputs of each jet.
        dropout: behind every layer but the last.
    """

    def __init__(self, widths: Sequence[int], classes: int, jet_inputs: int = 0, dropout: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(before, after) for before, after in pairwise([*widths, classes])])
        self.of_jets = nn.Linear(jet_inputs, widths[1], bias=False) if jet_inputs else None
        self.dropout = nn.Dropout(dropout)

    def forward(self, pooled: Tensor, jets: Tensor | None = None) -> Tensor:
        """Return the logits: (B, widths[0]) and (B, jet_inputs) to (B, classes)."""
        first, *others = self.layers
        rows: Tensor = first(pooled)
        if self.of_jets is not None:
            assert jets is not None
            rows = rows + self.of_jets(jets)
        for layer in others:
            rows = layer(self.dropout(torch.relu(rows)))
        return rows
