"""Options of the training loop, shared by all tasks, and the sections that a task's configuration has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import model_validator

from ..config import Config, option
from ..own_network import OwnNetwork

if TYPE_CHECKING:
    from ..io.schema import Further


class TrainingConfig(Config):
    """How a network is trained."""

    seed: int = option(1, "Seed of the initial weights, the order of the examples and simulated data.")
    steps: int = option(20_000, "Optimiser steps; 0 takes the weights of --init-from as they are.", ge=0)
    batch_size: int = option(128, "Examples per step, over all processes together.", ge=1)
    learning_rate: float = option(2e-3, "Peak learning rate.", gt=0)
    final_learning_rate: float = option(0.01, "Learning rate at the end, as a fraction of the peak.", ge=0, le=1)
    warmup_steps: int = option(200, "Steps over which the learning rate rises linearly.", ge=0)
    weight_decay: float = option(0.01, "AdamW weight decay, applied to matrices only.", ge=0)
    gradient_clip: float = option(1.0, "Largest norm of the gradient; 0 switches clipping off.", ge=0)
    average: float = option(0.999, "Decay of the exponential average of the weights that is validated and kept; 0 switches it off.", ge=0, lt=1)
    bucket_batches: int = option(20, "Batches among which examples are sorted by size, so that little is padded.", ge=1)
    window_blocks: int = option(4, "Blocks of entries that are shuffled together.", ge=1)
    block_size: int = option(20_000, "Most entries per block, which has no more than 256 MB.", ge=1)
    simulated_events: int | None = option(None, "Without input files: number of simulated events, seen again every epoch; null draws new ones for ever.", ge=1)
    validation_events: int = option(4_000, "Examples used for validation.", ge=1)
    validation_fraction: float = option(0.1, "Share of the input's examples kept for validation (by a hash of their id).", gt=0, lt=1)
    validate_every: int = option(1_000, "Steps between validations.", ge=1)
    checkpoint_every: int = option(500, "Steps between checkpoints.", ge=1)
    log_every: int = option(50, "Steps between rows in metrics.csv.", ge=1)
    patience: int = option(0, "Validations without improvement after which training stops; 0 never.", ge=0)
    precision: Literal["float32", "bfloat16"] = option("float32", "Arithmetic of the network's matrix products; invariant masses stay in float64.")

    @model_validator(mode="after")
    def _warmup_ends(self) -> TrainingConfig:
        if self.warmup_steps >= self.steps:
            self.warmup_steps = self.steps // 10
        return self


@dataclass(frozen=True)
class Folds:
    """Parts of the events that are about equal, of which one is left out of a training.

    Attributes:
        number: how many there are.
        left_out: which one, from 0.
        unseen: those whose events what is applied has not seen; several, where each is left to a model of its own.
        alone: whether evaluating judges these only.
    """

    number: int
    left_out: int
    unseen: tuple[int, ...]
    alone: bool = False


class InputConfig(Config):
    """What is read, of every task.

    Attributes:
        changeable: options that may be changed when a model is applied, as its network does not depend on them.
    """

    changeable: ClassVar[tuple[str, ...]] = ("map",)

    map: dict[str, str] = option(dict, "Branches of other names or units, as {px: trk_px:MeV}; see --map, which wins. Kept with a model, and used where a file has them.")


class TaskConfig(Config):
    """All options of a task, in the sections that the shared rooms know; a task puts its own in their place."""

    simulation: Config = option(Config, "Simulated data, where there are no files.")
    data: InputConfig = option(InputConfig, "Input.")
    model: Config = option(Config, "Network.")
    training: TrainingConfig = option(TrainingConfig, "Training.")
    apply: Config = option(Config, "Applying.")

    @property
    def entries_at_a_time(self) -> int:
        """Entries of a file that are read at a time; where an example is made of many, more than a block of the training has."""
        return self.training.block_size

    def extra_branches(self, training: bool = False) -> dict[str, Further]:
        """Return the branches that are read besides those of the layout, and what their values belong to.

        Args:
            training: whether those are left out that applying alone takes.
        """
        return {**self.data.extra_branches(), **({} if training else self.apply.extra_branches())}

    @property
    def event_ids(self) -> tuple[str, ...]:
        """Columns that together name an event, all of whose examples are on one side of a split; by default none but the entry."""
        return ()

    @property
    def folds(self) -> Folds | None:
        """The folds, one of which is left out of the training; None without."""
        return None

    @property
    def own_network(self) -> OwnNetwork | None:
        """The network, if it is one of the user's own."""
        return next((value for _, value in self.model if isinstance(value, OwnNetwork)), None)
