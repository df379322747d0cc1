"""The parts of a task: what the shared rooms ask of a simulation, a learner, an engine, an evaluator.

What a part may leave out is a method of its base class with a default, so that nothing is looked for
by its name, and mypy sees every type.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from .errors import FileName
    from .evaluation.result import Evaluation
    from .io.carry import Carry
    from .io.ragged import Array, Columns
    from .io.schema import Field

Example = Literal["entry", "object", "span"]
"""What one example is: an entry of a file; one of several objects of an entry, as its jets; made of many entries."""

Output = Literal["entry", "example", "free"]
"""What the output has one entry per: an input entry, an example, or rows of its own, as pairs."""

Verb = Literal["simulate", "train", "apply", "evaluate", "validate", "export"]
"""Verbs that take the flags of a task."""


@dataclass(frozen=True)
class Flag:
    """A flag that only one task has; it sets one option of the configuration.

    Attributes:
        key: option of the configuration; of verbs that take a model, one that may be changed then.
        metavar, help: what `--help` shows.
        verbs: that take it.
        instead_of: another flag, together with which it makes no sense; where that is given, its option is null.
        alone: its value where it stands alone; "" if it may not.
        values: all that it may have, if it may stand alone.
    """

    key: str
    metavar: str
    help: str
    verbs: tuple[Verb, ...] = ("apply",)
    instead_of: str = ""
    alone: str = ""
    values: tuple[str, ...] = ()


SORT = "Take entries in any order, and sort them first, in temporary files (TMPDIR); without it they must come in order, or nearly so."
"""Help of the flag `--sort`, of all tasks that have it."""

LIST_FORMAT = "Write a list in the format of a program that reconstructs images beside the output, too."
"""Help of the flag `--list-format`, likewise; what it may be is its metavar."""


@dataclass(frozen=True)
class Export:
    """A format in which models are exported.

    Attributes:
        beside: of the files beside the output, what their names have in the place of its suffix.
        note: what the program that reads the file must be given; "" if nothing.
    """

    beside: tuple[str, ...] = ()
    note: str = ""


class DataExport(ABC):
    """A format in which the examples of files are exported, in shards that are read one by one.

    Attributes:
        stem: what the files of the shards are called, in front of their number.
    """

    stem: str

    @abstractmethod
    def shards(self, examples: Iterable[Columns]) -> Iterator[dict[str, Array]]:
        """Yield the tensors of each shard, by name; of input without any example, one shard that holds none."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return what the header of every shard says of the tensors, as JSON values."""

    @abstractmethod
    def count(self, shard: Mapping[str, Array]) -> dict[str, int]:
        """Return how many of what a shard holds, examples first."""


WriteFile = Callable[["Path"], None]
"""Writes a file to a path."""


@dataclass(frozen=True)
class Finished:
    """What all rows of a further tree become.

    Attributes:
        rows: of the tree.
        files: path -> what writes the file; they appear together with the output.
        facts: numbers or words by name, for summary and metadata.
        warnings: sentences without full stops.
    """

    rows: Columns
    files: Mapping[Path, WriteFile] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()


@dataclass(frozen=True)
class FurtherTree:
    """A tree beside the output tree, which has entries of its own.

    Attributes:
        fields: of the tree.
        rows: makes its columns from those that the last step of applying returns, chunk by chunk.
        finish: where a row depends on all the others, takes the rows of all chunks and the path of the output, and
            returns those to write; they are kept in memory until then.
    """

    fields: Sequence[Field]
    rows: Callable[[Columns], Columns]
    finish: Callable[[Columns, Path], Finished] | None = None


class FilesBeside(ABC):
    """Files beside the output that grow with it, and appear with it.

    Attributes:
        suffixes: of all that there may be, in the place of the output's own.
    """

    suffixes: Sequence[str]

    @abstractmethod
    def rows(self, columns: Columns) -> Mapping[str, bytes]:
        """Return by suffix what the columns of the last step of applying add to files, chunk by chunk."""

    @abstractmethod
    def end(self, facts: Mapping[str, Any]) -> Mapping[str, bytes]:
        """Return what comes last, once all is known; a suffix to which nothing was added, not even nothing, has no file.

        Args:
            facts: of the last step.
        """

    @property
    def warnings(self) -> list[str]:
        """Sentences without full stops on what could not be written, said at the end."""
        return []


@dataclass(frozen=True)
class Term:
    """A mean kept as sum and count, so that processes and batches add up exactly.

    Attributes:
        weight: the term's factor in the loss; metrics ignore it.
        alone: for how many first steps of the training it is no part of the loss; for an adversary's see `Adversary`.
        of_adversary: whether it is what an adversary makes small, and the rest of the network large; see `Adversary`.
    """

    total: Any
    count: Any
    weight: float = 1.0
    of_adversary: bool = False
    alone: int = 0


@dataclass(frozen=True)
class Adversary:
    """A part of a network that plays against the rest of it (G. Louppe et al., arXiv:1611.01046).

    With the means L of the terms of the loss and their weights w, the part makes the sum of L over its own
    terms small, and the rest the sum of w L over the others less that of w L over the adversary's. Each has
    an optimiser of its own. With one optimiser for both, the part stands behind `nn.gradient_reversal` instead, and
    there is no `Adversary`.

    Attributes:
        part: the module whose parameters are the adversary's.
        learning_rate: its peak, warmed up and lowered as that of the network.
        steps: its steps for each one of the network, on the same batch and before it.
        alone: how many first steps of the training the network has without it.
        head_start: for how many steps of the training after them it is trained, and the network waits; the schedule
            and the average of the weights go on.
    """

    part: nn.Module
    learning_rate: float
    steps: int = 1
    alone: int = 0
    head_start: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or self.alone < 0 or self.head_start < 0:
            raise ValueError("an adversary has at least one step for each of the network, and no negative number of steps")


Batch = dict[str, "Tensor"]


class Simulation(ABC):
    """Endless simulated data in blocks; block `index` depends on (configuration, seed, index) only.

    Attributes:
        at_a_time: events of a block of a file, where they take long to make; None leaves it to the file.
    """

    at_a_time: int | None = None

    @abstractmethod
    def block(self, index: int, n: int) -> Columns:
        """Return `n` events as canonical columns of the task's first layout; `event` counts from index * n."""

    def examples(self, index: int, n: int) -> Columns | None:
        """Return `n` examples for training; None where they are assembled from a block of events."""
        return None


class Assemble(Protocol):
    """Turn file entries into examples, see `task.Task.assemble`."""

    def __call__(self, chunk: Columns | None, carry: Carry | None, config: Any) -> tuple[Columns, Carry | None]:
        """Return the examples that are complete, and what is carried to the next chunk."""


class Learner(ABC):
    """What the training loop knows of a task's network.

    Attributes:
        monitor: the metric, larger is better, by which the best checkpoint is chosen.
        prepare_examples: how many examples `prepare` is given.
    """

    monitor: str
    prepare_examples: int = 1

    def prepare(self, examples: Iterable[Columns]) -> dict[str, Array]:
        """Return what is fitted before training (scales, tables, ranges) and stored with the weights.

        Nothing by default.
        """
        return {}

    @abstractmethod
    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network; random initial weights come from torch's global state."""

    @abstractmethod
    def lengths(self, examples: Columns) -> Array:
        """Return the size of each example, by which batches are bucketed."""

    @abstractmethod
    def collate(self, examples: Columns) -> Batch:
        """Return tensors padded to the longest of these examples."""

    @abstractmethod
    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return the terms of the loss.

        A loss that is no sum over examples takes its columns from `training.processes.gather_rows`.
        """

    def warnings(self, network: nn.Module) -> list[str]:
        """Return sentences without full stops on what a user should know of the network before it is trained."""
        return []

    def adversary(self, network: nn.Module) -> Adversary | None:
        """Return the part of the network that plays against the rest of it; there is none by default."""
        return None

    @abstractmethod
    def validate(self, model: nn.Module, examples: Columns, finished: Mapping[str, Array] | None = None) -> dict[str, Term]:
        """Return metrics of what applying would make of these examples; `monitor` (larger is better) selects the best checkpoint.

        Args:
            finished: what `finish` has fitted for these weights; None before anything was fitted.
        """

    def finish(self, model: nn.Module, examples: Columns) -> dict[str, Array]:
        """Return what is fitted on validation data (calibration), stored with the weights; nothing by default.

        It is fitted anew for every validation, to a few of the examples, and to all of them at the end.
        """
        return {}


class Evaluator(Protocol):
    """Accumulates metrics over chunks; called once per chunk, then asked for the result."""

    def update(self, examples: Columns, predictions: Columns) -> None:
        """Add examples with truth and the predictions of an engine, row by row."""

    def result(self) -> Evaluation:
        """Return metrics with errors, tables and figures."""


class Comparison(Evaluator, Protocol):
    """Accumulates examples of data, by `update`, and those of simulation that are set beside them."""

    @property
    def files(self) -> Sequence[str]:
        """Files of the simulation, as a user names them."""

    def update_simulation(self, examples: Columns, predictions: Columns) -> None:
        """Add examples of the simulation and the predictions of an engine, row by row."""


VARIED = "@"


def varied(variation: str, column: str) -> str:
    """Return the name of a column under a systematic variation; see `task.Task.variations`."""
    return f"{variation}{VARIED}{column}"


class Engine(ABC):
    """A way to reconstruct: a trained network or a classical algorithm."""

    @abstractmethod
    def __call__(self, examples: Columns) -> Columns:
        """Return output columns, one row per example; of a task with free output, rows of its own."""

    def costs(self, examples: Columns, named: FileName) -> list[str]:
        """Return sentences without full stops on examples that take long, said before they are given to it."""
        return []

    @property
    def surveys(self) -> bool:
        """Whether something must be learnt from the data first, for which they are read twice."""
        return False

    def survey(self, examples: Columns) -> bool:
        """Take the examples from the first on, before all else; return whether further ones are wanted."""
        return False

    @property
    def may_want_truth(self) -> bool:
        """Whether its parameters may have to be fitted, for which the first examples are read once more."""
        return False

    def wants_truth(self, examples: Columns) -> bool:
        """Return whether its parameters must be fitted to examples with truth, by the first ones of the input.

        Those that they are fitted to are not evaluated. It is asked if `may_want_truth`.
        """
        return self.may_want_truth

    def fit(self, examples: Columns) -> None:
        """Fit its parameters to examples with truth."""
        raise NotImplementedError

    @property
    def warnings(self) -> list[str]:
        """Sentences without full stops on what it could not do, said after the last call."""
        return []

    def facts(self) -> dict[str, Any]:
        """Return numbers or words by name that the summary has after the last call."""
        return {}


class LastStep:
    """The last step of applying, after any engine; this one changes nothing."""

    def __call__(self, examples: Columns, columns: Columns) -> Columns:
        """Return the columns to write from those of an engine."""
        return columns

    @property
    def warnings(self) -> list[str]:
        """Sentences without full stops on what it could not do, said after the last call."""
        return []

    def facts(self, of_engine: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the summary has after the last call, with what the engine says."""
        return dict(of_engine)
