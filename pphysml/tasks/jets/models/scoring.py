"""A network on jets, in pieces."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import nn

from ....io.ragged import Array, Columns, length, ragged, take
from ..config import JetsConfig
from ..constituents.table import TABLE
from .discriminants import log_ratios
from .packed_inputs import input_tensors, inputs_in
from .resonance_masses import stated_or_true

MOST_PAIRS = 2**20
"""Pairs of constituents of one jet that are looked at at a time: some networks keep many numbers of each."""


def scored(network: nn.Module, examples: Columns, config: JetsConfig, prepared: Mapping[str, Array], device: torch.device | str,
           resonance_mass: Array | None = None) -> tuple[Array, Array]:
    """Return probabilities, float32 (n, classes), and logarithms of ratios, float32 (n, signals).

    Args:
        resonance_mass: of each jet, GeV; by default the stated or the true one.
    """
    n = length(examples)
    probabilities = np.empty((n, len(config.data.classes)), np.float32)
    ratios = np.empty((n, len(config.data.signals)), np.float32)
    for rows, part in _pieces(examples, config):
        mass = stated_or_true(part, config, prepared) if resonance_mass is None else resonance_mass[rows]
        tensors = input_tensors(part, config, prepared, mass)
        with torch.no_grad():
            logits = network(inputs_in({name: tensor.to(device) for name, tensor in tensors.items()}))
        probabilities[rows] = torch.softmax(logits, 1).cpu().numpy()
        ratios[rows] = log_ratios(logits, config.data).cpu().numpy()
    return probabilities, ratios


def _pieces(examples: Columns, config: JetsConfig) -> Iterator[tuple[Array, Columns]]:
    """Yield jets with their numbers: `apply.batch_size` of them, or fewer with many constituents; those of similar numbers together."""
    counts = ragged(examples, TABLE).counts if config.model.takes_constituents else np.zeros(length(examples), np.int64)
    order = np.argsort(counts, kind="stable")
    piece = np.cumsum(counts[order] ** 2) // MOST_PAIRS
    for rows in np.split(order, np.flatnonzero(np.diff(piece)) + 1):
        for start in range(0, len(rows), config.apply.batch_size):
            chosen = rows[start : start + config.apply.batch_size]
            yield chosen, take(examples, chosen)
