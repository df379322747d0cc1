"""A network on jets, in pieces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from ....io.ragged import Array, Columns, length, slice_rows
from ..config import JetsConfig
from .discriminants import log_ratios
from .inputs import inputs_of
from .resonance_masses import stated_or_true


def scored(network: nn.Module, examples: Columns, config: JetsConfig, prepared: Mapping[str, Array], device: torch.device | str) -> tuple[Array, Array]:
    """Return probabilities, float32 (n, classes), and logarithms of ratios, float32 (n, signals)."""
    n, step = length(examples), config.apply.batch_size
    probabilities = np.empty((n, len(config.data.classes)), np.float32)
    ratios = np.empty((n, len(config.data.signals)), np.float32)
    for start in range(0, n, step):
        part = slice_rows(examples, start, min(start + step, n))
        inputs = torch.from_numpy(inputs_of(part, config, prepared, stated_or_true(part, config, prepared))).to(device)
        with torch.no_grad():
            logits = network(inputs)
        probabilities[start : start + step] = torch.softmax(logits, 1).cpu().numpy()
        ratios[start : start + step] = log_ratios(logits, config.data).cpu().numpy()
    return probabilities, ratios
