"""Checkpoints of the whole training state, written whole or not at all."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..atomic_files import replacement
from ..errors import ModelError, OutputError

FORMAT_VERSION = 3
"""2 came with the states of further optimisers, 3 with the sums of the loss; checkpoints without them are read too."""


@dataclass
class TrainingState:
    """All that a training needs to go on as if it had never stopped.

    Attributes:
        step: optimiser steps done; the position in the data follows from it.
        model, optimizer: their state dictionaries.
        further_optimizers: those of the other optimisers, by name.
        average: exponential average of the weights.
        best: best monitored value so far, and the weights that had it.
        waited: validations since then.
        window: sum and number of steps since the last row of `metrics.csv`, of the loss and its terms by name.
    """

    step: int
    model: dict[str, Tensor]
    optimizer: dict[str, Any]
    average: dict[str, Tensor]
    best: float = -float("inf")
    best_step: int = 0
    best_average: dict[str, Tensor] = field(default_factory=dict)
    waited: int = 0
    further_optimizers: dict[str, dict[str, Any]] = field(default_factory=dict)
    window: dict[str, tuple[float, int]] = field(default_factory=dict)


def save_state(path: Path, state: TrainingState) -> None:
    """Write a checkpoint.

    Raises:
        OutputError: the file could not be written; an older checkpoint is untouched.
    """
    try:
        with replacement(path, "the checkpoint could not be written") as stream:
            torch.save({"format_version": FORMAT_VERSION, **_shallow(state)}, stream)
    except RuntimeError as error:
        # torch reports a full disk as RuntimeError.
        raise OutputError(f"{path}: the checkpoint could not be written: {error}") from None


def load_state(path: Path) -> TrainingState:
    """Read a checkpoint without running code from it.

    Raises:
        ModelError: missing, unreadable, or of another format.
    """
    if not os.path.exists(path):
        raise ModelError(f"{path}: there is no checkpoint to resume from.")
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelError(f"{path}: is not a readable checkpoint; it is damaged, or not one of ours.") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: is not a checkpoint of a training.")
    version = values.pop("format_version", None)
    if version not in range(1, FORMAT_VERSION + 1):
        raise ModelError(f"{path}: has checkpoint format {version}, this program reads up to {FORMAT_VERSION}.")
    return TrainingState(**values)


def _shallow(state: TrainingState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in asdict(TrainingState(0, {}, {}, {}))}
