"""An existing score, of which the training fits nothing but what makes it a probability."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..config import JetsConfig


class GivenScore(nn.Module):
    """Logistic calibration a s + b of a score s (J. Platt, 1999): between the first signal and background.

    Args:
        config: of the task; it has two classes.
    """

    def __init__(self, config: JetsConfig) -> None:
        super().__init__()
        names = list(config.data.classes)
        self.register_buffer("sign", torch.tensor([1.0 if name in config.data.signals else 0.0 for name in names]), persistent=False)
        self.slope = nn.Parameter(torch.ones(1))
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logarithms of probabilities up to a constant: (n, 1) -> (n, 2)."""
        assert isinstance(self.sign, Tensor)
        return (torch.exp(self.slope) * inputs[:, :1] + self.shift) * self.sign
