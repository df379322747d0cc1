"""The contract of a task: what it reads, what one example is, and where its parts are.

A `Task` is light: heavy parts (models, simulation, plots) are "module:attribute" strings, resolved
with `Task.load`. The protocols below say what each of those attributes must offer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .errors import ConfigError, did_you_mean
from .registry import load_attribute

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .config import Config
    from .evaluation.result import Evaluation
    from .io.ragged import Array, Columns

Kind = Literal["event", "particle", "hit", "node", "pair", "label"]
Cardinality = Literal["entry", "example", "free"]


@dataclass(frozen=True)
class Field:
    """One column of a layout, in the units and type used inside the program.

    Attributes:
        name: canonical name.
        kind: what one value belongs to; all but "event" and "label" are ragged.
        dtype: numpy type name after reading; "text" for the bytes of each entry, `Ragged` of uint8.
        unit: unit inside the program; files in other units are converted at the door.
        help: one sentence.
        counter: fields with the same counter have equal lengths in every entry ("" for scalars).
        required: reading fails without it.
        truth: known for simulation only.
        aliases: other branch names accepted, tried in order.
        alias_units: unit of the aliases that have another one than `unit`.
        minimum, maximum: values outside are reported by `validate` and refused by the reader.
        missing: what NaN stands for; without it NaN is refused.
        spacing: a further column, named `io.opening.SPACING` and this, tells how fine the values of the file are: the
            distance to the next one of their type, in `unit`. Of fields with one value per entry.
    """

    name: str
    kind: Kind
    dtype: str
    help: str
    unit: str = ""
    counter: str = ""
    required: bool = False
    truth: bool = False
    aliases: tuple[str, ...] = ()
    alias_units: Mapping[str, str] = field(default_factory=dict, hash=False)
    minimum: float | None = None
    maximum: float | None = None
    missing: float | None = None
    spacing: bool = False

    @property
    def ragged(self) -> bool:
        """Whether one entry holds many values."""
        return bool(self.counter)

    @property
    def text(self) -> bool:
        """Whether one entry holds one text."""
        return self.dtype == "text"


@dataclass(frozen=True)
class Layout:
    """A named file layout: trees it is looked for in, and its fields.

    Attributes:
        name, help: what users call it.
        fields: columns, in the order in which they are documented.
        trees: preferred tree names; another tree is used if it is the only one that fits.
        to_canonical: optional "module:function" turning columns as read into canonical ones.
        missing: what NaN stands for in further branches that are read; without it NaN is refused.
        needed_truth: fields of truth without which the others are of no use; empty if any of them is enough.
        native_names: simulated files have the first alias of each field, as those of the program that the layout is of.
    """

    name: str
    help: str
    fields: tuple[Field, ...]
    trees: tuple[str, ...] = ()
    to_canonical: str | None = None
    missing: float | None = None
    native_names: bool = False
    needed_truth: tuple[str, ...] = ()

    def field(self, name: str) -> Field:
        """Return a field by its canonical name."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise ConfigError(f"Layout {self.name!r} has no field {name!r}."
                          f"{did_you_mean(name, [f.name for f in self.fields])}")

    def branches(self, available: Iterable[str], mapping: Mapping[str, str] = {}) -> dict[str, str]:
        """Return canonical name -> branch for the fields present (mapping, name, then aliases)."""
        present = set(available)
        found: dict[str, str] = {}
        for f in self.fields:
            names = (mapping[f.name],) if f.name in mapping else (f.name, *f.aliases)
            branch = next((name for name in names if name in present), None)
            if branch is not None:
                found[f.name] = branch
        return found

    def detect(self, available: Iterable[str], mapping: Mapping[str, str] = {}) -> bool:
        """Return whether every required field is there."""
        found = self.branches(available, mapping)
        return all(f.name in found for f in self.fields if f.required)


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


@dataclass(frozen=True)
class FurtherTree:
    """A tree beside the output tree, which has entries of its own.

    Attributes:
        fields: fields of the tree.
        columns: function(columns) -> columns of this tree, chunk by chunk.
        wanted: function(config) -> whether there is such a tree; always if "".
    """

    fields: str
    columns: str
    wanted: str = ""


@dataclass(frozen=True)
class Flag:
    """A flag of the applying verb that only this task has; it sets one option of the configuration.

    Attributes:
        key: option of the configuration, in the section `apply`.
        metavar, help: what `--help` shows.
        instead_of: another flag, together with which it makes no sense.
    """

    key: str
    metavar: str
    help: str
    instead_of: str = ""


@dataclass(frozen=True)
class Export:
    """A format in which models are exported.

    Attributes:
        contents: function(model file) -> bytes of each file: of the output, then of those beside it.
        beside: what the names of these have in the place of the output's suffix.
    """

    contents: str
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Task:
    """One subcommand: names, schema, and where the parts are ("module:attribute").

    Attributes:
        layouts: tuple of Layout this task reads.
        output: what the output tree has one entry per.
        output_tree: name of the tree written by applying.
        config: configuration class with sections simulation, data, model, training, apply.
        presets: package that holds the YAML presets.
        simulation: class fulfilling `Simulation`, or None.
        assemble: function fulfilling `Assemble`.
        assemble_training: the same for training from files, or None if it does not differ.
        learner: class fulfilling `Learner`.
        engines: engine name -> factory(config, model: ModelFile | None, device) -> Engine.
        default_engine: the engine that applying uses.
        networks: engine that needs weights -> preset whose shipped weights it takes; the other engines take those
            that are named only. Empty: the default engine needs weights, all engines take the first that are shipped.
        output_fields: fields of the output tree.
        output_rows: function(columns) -> columns of the output tree, or None if it is all of them.
        further_trees: name -> tree written beside the output tree.
        files_beside: suffix -> function(config, output path) -> text of a file beside the output, or None for no file.
        evaluator: class fulfilling `Evaluator`.
        finish: factory fulfilling `Finish`, or None.
        flags: flag of the applying verb, as `--match` -> what it sets.
        first_looks: engine name -> function(columns, config) that refuses input which the engine cannot take, called with
            the first entries before anything else is read.
        domain: function(examples, prepared) -> sentences on how they leave the training's ranges.
        exports: format name -> what makes it.
        importers: format name -> function(paths) yielding columns of the first layout, chunk by chunk.
        foreign_weights: function(network, path) that takes weights of another program for `--init-from`, or None.
        weights: preset name -> weights file shipped in `weights_package`; the first is the default.
    """

    name: str
    summary: str
    layouts: str
    output: Cardinality
    output_tree: str
    config: str
    presets: str
    assemble: str
    learner: str
    engines: Mapping[str, str]
    default_engine: str
    output_fields: str
    evaluator: str
    simulation: str | None = None
    assemble_training: str | None = None
    domain: str | None = None
    foreign_weights: str | None = None
    finish: str | None = None
    output_rows: str | None = None
    further_trees: Mapping[str, FurtherTree] = field(default_factory=dict)
    files_beside: Mapping[str, str] = field(default_factory=dict)
    first_looks: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Flag] = field(default_factory=dict)
    exports: Mapping[str, Export] = field(default_factory=dict)
    importers: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    weights_package: str = ""

    def load(self, part: str) -> Any:
        """Import a part by the name of its attribute, for example `task.load("learner")`."""
        path = getattr(self, part)
        if path is None:
            raise ConfigError(f"Task {self.name!r} has no {part}.")
        return load_attribute(path)

    def load_engine(self, name: str) -> Callable[..., Engine]:
        """Import an engine's factory by the engine's name."""
        if name not in self.engines:
            raise ConfigError(f"Task {self.name!r} has no engine {name!r}."
                              f"{did_you_mean(name, self.engines)}")
        factory: Callable[..., Engine] = load_attribute(self.engines[name])
        return factory

    def needs_weights(self, engine: str) -> bool:
        """Return whether an engine is a trained network."""
        return engine in (self.networks or (self.default_engine,))

    @property
    def config_class(self) -> type[Config]:
        """The task's configuration class."""
        loaded: type[Config] = self.load("config")
        return loaded
