"""Of the logarithms of probabilities: probabilities, and one number for each signal against background."""

from __future__ import annotations

import torch
from torch import Tensor

from ..config import DataConfig


def log_ratios(logits: Tensor, options: DataConfig) -> Tensor:
    """Return log(p_signal / sum of f p_background) for every class of signal, with the fractions f: (n, classes) -> (n, signals)."""
    names = list(options.classes)
    shares = torch.tensor(options.shares, device=logits.device).log()
    background = torch.logsumexp(logits[:, [names.index(name) for name in options.background]] + shares, 1, keepdim=True)
    return logits[:, [names.index(name) for name in options.signals]] - background
