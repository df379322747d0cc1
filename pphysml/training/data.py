"""The examples of a training: of files, or simulated on the fly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..contract import Assemble, Learner, Simulation
from ..errors import ConfigError, InputError
from ..io.ragged import Columns
from ..io.reader import Reader
from .config import TrainingConfig
from .sources import (
    TRAINING,
    VALIDATION,
    AssembledSource,
    ExampleSource,
    FileSource,
    SimulatedSource,
    first_examples,
)

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

VALIDATION_SEED = 1_000_003
"""Added to the seed of simulated data for validation, so that no event of it is among those trained on."""


class Trainable(Protocol):
    """What a training asks of a task, see `task.Task`."""

    @property
    def name(self) -> str:
        """What users call it."""

    @property
    def spans_entries(self) -> bool:
        """Whether examples are made of many entries."""

    @property
    def has_objects(self) -> bool:
        """Whether one entry may hold several examples, or none."""

    @property
    def assemble_training(self) -> Assemble:
        """Turns file entries into examples."""

    def simulation(self, config: Any, seed: int) -> Simulation:
        """Return simulated data."""

    def learner(self, config: Any) -> Learner:
        """Return what the training loop knows of the network."""

    def start_from_foreign(self, network: nn.Module, path: Path) -> bool:
        """Take weights of another program; return whether the task can do that."""


@dataclass(frozen=True)
class Readers:
    """Open files.

    Attributes:
        training: to train on.
        validation: to validate with; None takes a share of the others.
    """

    training: Reader
    validation: Reader | None = None


@dataclass(frozen=True)
class Data:
    """What a training reads.

    Attributes:
        description: of training and validation examples, for the weights file.
        skipped: path and reason of the files that were left out.
        warnings: what is to be known of the files, sentences without full stops.
    """

    training: ExampleSource
    validation: Columns
    description: dict[str, Any]
    skipped: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def data_of(task: Trainable, config: Any, readers: Readers | None) -> Data:
    """Return the examples of files, or of the simulation if there are none.

    Raises:
        InputError: no example is left to train on or to validate with.
    """
    return _simulated(task, config) if readers is None else _read(task, config, readers)


def _simulated(task: Trainable, config: Any) -> Data:
    options: TrainingConfig = config.training
    if config.folds is not None:
        raise ConfigError("data.folds has no effect on data that are simulated on the fly: give files, or leave it out.")
    training, held_out = (
        SimulatedSource(task.simulation(config, seed), task.assemble_training, config, events, options.block_size)
        for seed, events in ((options.seed, options.simulated_events), (options.seed + VALIDATION_SEED, options.validation_events)))
    return Data(training, first_examples(held_out, options.validation_events), {"simulated": True, "seed": options.seed})


def _read(task: Trainable, config: Any, readers: Readers) -> Data:
    options: TrainingConfig = config.training
    own = readers.validation is None
    fraction = options.validation_fraction if own else 0.0
    training = _source(task, readers.training, config, TRAINING if own else None, fraction)
    held = _source(task, readers.validation or readers.training, config, VALIDATION if own else None, fraction)
    _refuse_nothing(readers.training, {"train on": training, "validate with": held})
    files = [{"path": s.path, "tree": s.tree} for s in readers.training.sources]
    description = {"simulated": False, "files": files, "validation_fraction": fraction, "event_ids": list(config.event_ids),
                   "layout": readers.training.layout.name}
    warnings = [sentence for reader in (readers.training, readers.validation) if reader is not None for sentence in reader.warnings]
    return Data(training, first_examples(held, options.validation_events), description, list(readers.training.skipped), warnings)


def _source(task: Trainable, reader: Reader, config: Any, part: str | None, fraction: float) -> ExampleSource:
    """Return the examples of files: streamed where blocks stand for themselves, else kept in memory."""
    if task.spans_entries:
        return AssembledSource(reader, task.assemble_training, config, part, fraction)
    return FileSource(reader, task.assemble_training, config, part, fraction, objects=task.has_objects)


def _refuse_nothing(reader: Reader, sources: dict[str, ExampleSource]) -> None:
    for purpose, source in sources.items():
        if source.counts is not None and not sum(source.counts):
            first, *others = (s.path for s in reader.sources)
            named = first + (f" and {len(others)} more" if others else "")
            raise InputError(f"{named}: {reader.n_entries} entries leave no example to {purpose}; "
                             "give more, or other files with --validation.")
