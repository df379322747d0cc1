"""Protocols of the parts of a task: what the shared rooms ask of a simulation, a learner, an engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .evaluation.result import Evaluation
    from .io.ragged import Array, Columns

Cardinality = Literal["entry", "example", "free"]


@dataclass(frozen=True)
class Term:
    """A mean kept as sum and count, so that processes and batches add up exactly.

    `weight` is the term's factor in the loss; metrics ignore it.
    """

    total: Any
    count: Any
    weight: float = 1.0


Batch = dict[str, "Tensor"]


class Simulation(Protocol):
    """Endless simulated data in blocks; block `index` depends on (seed, index) only."""

    def __init__(self, config: Any, seed: int) -> None: ...

    def block(self, index: int, n: int) -> Columns:
        """Return `n` events as canonical columns of the task's first layout; `event` counts from index * n.

        A task whose examples are made of many entries also has `examples(index, n)`, which returns
        `n` examples for training.
        """


class Assemble(Protocol):
    """Turn file entries into examples; what is unfinished at the chunk's end is carried over.

    Called as `assemble(chunk, carry, config)`; `chunk` is None at the end, to flush, until the carry is None.
    Examples carry `file` (int32), `entry` (int64, first entry) and the ids of the layout. The carry may have
    `warnings`, sentences without full stops on the input, which are said at its end.
    """

    def __call__(self, chunk: Columns | None, carry: Any, config: Any) -> tuple[Columns, Any]:
        """Return the examples that are complete, and what is carried to the next chunk."""


class Learner(Protocol):
    """What the training loop knows of a task's network.

    Attributes:
        monitor: the metric, larger is better, by which the best checkpoint is chosen.
        prepare_examples: how many examples `prepare` is given.
    """

    monitor: str
    prepare_examples: int

    def __init__(self, config: Any) -> None: ...

    def prepare(self, examples: Iterable[Columns]) -> dict[str, Array]:
        """Return what is fitted before training (scales, tables, ranges); stored with the weights."""
    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network; random initial weights come from torch's global state."""
    def lengths(self, examples: Columns) -> Array:
        """Return the size of each example, by which batches are bucketed."""
    def collate(self, examples: Columns) -> Batch:
        """Return tensors padded to the longest of these examples."""
    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return the terms of the loss."""
    def validate(self, model: nn.Module, examples: Columns) -> dict[str, Term]:
        """Return metrics; `monitor` (larger is better) selects the best checkpoint."""
    def finish(self, model: nn.Module, examples: Columns) -> dict[str, Array]:
        """Return what is fitted after training on validation data (calibration), stored too."""


class Evaluator(Protocol):
    """Accumulates metrics over chunks; called once per chunk, then asked for the result.

    An evaluator may have `engine`, to which the name of the engine that it judges is set before all else.
    """

    def __init__(self, config: Any) -> None: ...
    def update(self, examples: Columns, predictions: Columns) -> None:
        """Add examples with truth and the predictions of an engine, row by row."""
    def result(self) -> Evaluation:
        """Return metrics with errors, tables and figures."""


class Engine(Protocol):
    """A way to reconstruct: a trained network or a classical algorithm.

    An engine may have `warnings`, a list of sentences without full stops on what it could not do,
    which are said to the user after the last call. It may have `survey(examples) -> bool`, which is
    called with the examples from the first on, before all else, until it returns False: for what must
    be learnt from the data.
    """

    def __call__(self, examples: Columns) -> Columns:
        """Return output columns, one row per example; of a task with free output, rows of its own."""


class Finish(Protocol):
    """The last step of applying, after any engine, made once as `factory(config)`.

    It may have `facts(engine) -> dict`, numbers or words by name that the summary tells after the last call.

    Attributes:
        warnings: sentences on what it could not do, without full stops.
    """

    warnings: list[str]

    def __call__(self, examples: Columns, columns: Columns) -> Columns:
        """Return the columns to write from those of an engine."""
