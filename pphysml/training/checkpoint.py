"""Checkpoints of the whole training state, written whole or not at all."""

from __future__ import annotations

import hashlib
from dataclasses import MISSING, asdict, dataclass, field, fields
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import torch
from torch import Tensor

from ..atomic_files import replacement
from ..errors import ModelError, OutputError

FORMAT_VERSION = 4
"""2 came with the states of further optimisers, 3 with the sums of the loss, 4 with a checksum; older ones are read too."""

BEGIN = b"pphysml checkpoint, SHA-256 of what follows:\n"
"""Before the checksum; what follows is a file of torch, which older checkpoints are altogether."""


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
            stream.write(BEGIN + bytes(hashlib.sha256().digest_size))
            content = _Hashed(stream)
            torch.save({"format_version": FORMAT_VERSION, **_shallow(state)}, cast(IO[bytes], content))
            stream.seek(len(BEGIN))
            stream.write(content.sha256.digest())
    except RuntimeError as error:
        # torch reports a full disk as RuntimeError.
        raise OutputError(f"{path}: the checkpoint could not be written: {error}") from None


def load_state(path: Path) -> TrainingState:
    """Read a checkpoint without running code from it.

    Raises:
        ModelError: missing, unreadable, or of another format.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no checkpoint to resume from.") from None
    except OSError as error:
        raise ModelError(f"{path}: the checkpoint cannot be read: {error.strerror}.") from None
    try:
        values = torch.load(BytesIO(_checked(path, content)), map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"{path}: is not a readable checkpoint; it is damaged, or not one of ours.") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path}: is not a checkpoint of a training.")
    version = values.pop("format_version", None)
    if version not in range(1, FORMAT_VERSION + 1):
        raise ModelError(f"{path}: has checkpoint format {version}, this program reads up to {FORMAT_VERSION}.")
    if not _is_state(values):
        raise ModelError(f"{path}: is not a checkpoint of a training; it lacks what a training needs to go on.")
    return TrainingState(**values)


class _Hashed:
    """A stream that hashes what is written to it."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.sha256 = hashlib.sha256()

    def write(self, content: bytes | memoryview) -> int:
        self.sha256.update(content)
        return self.stream.write(content)

    def flush(self) -> None:
        self.stream.flush()


def _checked(path: Path, content: bytes) -> bytes:
    """Return what torch reads of a checkpoint, if it is what was written."""
    if not content.startswith(BEGIN):
        return content
    begin = len(BEGIN) + hashlib.sha256().digest_size
    if hashlib.sha256(content[begin:]).digest() != content[len(BEGIN) : begin]:
        raise ModelError(f"{path}: the checkpoint is damaged, its checksum differs; begin a new training, for example with --init-from.")
    return content[begin:]


def _is_state(values: dict[Any, Any]) -> bool:
    """Return whether values make a state, each of its type."""
    whole = TrainingState(0, {}, {}, {})
    kinds = {one.name: type(whole.__dict__[one.name]) for one in fields(TrainingState)}
    needed = {one.name for one in fields(TrainingState) if one.default is MISSING and one.default_factory is MISSING}
    return needed <= values.keys() <= kinds.keys() and all(isinstance(value, kinds[name]) for name, value in values.items())


def _shallow(state: TrainingState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in asdict(TrainingState(0, {}, {}, {}))}
