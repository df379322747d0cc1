"""The contract of a task: what it reads, what one example is, what it writes, and where its parts are.

A task is a class whose attributes are light, since help shows them, and whose methods import their
parts when they are called. `contract` says what each part must offer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from .contract import (
    Comparison,
    DataExport,
    Engine,
    Evaluator,
    Example,
    Export,
    FilesBeside,
    Flag,
    FurtherTree,
    LastStep,
    Learner,
    Output,
    Simulation,
    Verb,
)
from .errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from .io.carry import Carry
    from .io.ragged import Array, Columns
    from .io.schema import Field, Layout
    from .model_file import ModelFile
    from .training.config import TaskConfig

ConfigT = TypeVar("ConfigT", bound="TaskConfig")

SAFETENSORS = "safetensors"


class Task(ABC, Generic[ConfigT]):
    """One subcommand; `Task["Config"]` names the class of its configuration.

    Attributes:
        name, summary: what users call it, and one sentence.
        example: what one example is.
        output: what the output tree has one entry per.
        output_tree: name of the tree written by applying.
        engines: names of the engines.
        default_engine: the one that applying uses.
        further_tree_names: of the trees that may be written beside it, for help.
        networks: engine that needs weights -> preset whose shipped weights it takes; the other engines take
            those that are named only. Empty: the default engine needs weights, and all take the first that
            are shipped.
        looks_first: engines for which `look_first` is called.
        simulates: whether there is a simulation.
        simulation_note: what is to be said where a model that was trained on it is applied to files of other layouts than
            it writes; "" where the ranges of the training say enough.
        judges_without_truth: whether evaluating says something of input that has no truth.
        weights: preset name -> weights file shipped in `weights_package`; the first is the default.
        exports: format of weights -> what else is written.
        data_exports: format in which examples are exported -> what that is, in one sentence.
        importers: formats that are imported.
        own_flags: flag, as `--match` -> what it sets.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    engines: ClassVar[tuple[str, ...]]
    default_engine: ClassVar[str]
    output_tree: ClassVar[str]
    example: ClassVar[Example] = "entry"
    output: ClassVar[Output] = "entry"
    further_tree_names: ClassVar[tuple[str, ...]] = ()
    networks: ClassVar[Mapping[str, str]] = {}
    looks_first: ClassVar[tuple[str, ...]] = ()
    simulates: ClassVar[bool] = False
    simulation_note: ClassVar[str] = ""
    judges_without_truth: ClassVar[bool] = False
    weights: ClassVar[Mapping[str, str]] = {}
    exports: ClassVar[Mapping[str, Export]] = {SAFETENSORS: Export()}
    data_exports: ClassVar[Mapping[str, str]] = {}
    importers: ClassVar[tuple[str, ...]] = ()
    own_flags: ClassVar[Mapping[str, Flag]] = {}

    @property
    def presets(self) -> str:
        """Package that holds the YAML presets."""
        return f"{self._folder}.presets"

    @property
    def weights_package(self) -> str:
        """Package that holds the shipped weights."""
        return f"{self._folder}.weights"

    @property
    def _folder(self) -> str:
        return type(self).__module__.rpartition(".")[0]

    def flags(self, verb: Verb) -> dict[str, Flag]:
        """Return the flags that a verb takes for this task."""
        return {name: flag for name, flag in self.own_flags.items() if verb in flag.verbs}

    @property
    def spans_entries(self) -> bool:
        """Whether examples are made of many entries, so that blocks of a file follow one another."""
        return self.example == "span"

    @property
    def has_objects(self) -> bool:
        """Whether one entry may hold several examples, or none."""
        return self.example == "object"

    @property
    def regroups(self) -> bool:
        """Whether what an engine makes of the objects of an entry becomes one entry of the output."""
        return self.has_objects and self.output == "entry"

    @property
    def keeps_entries(self) -> bool:
        """Whether the output has one entry per input entry."""
        return self.output == "entry"

    @property
    def carries_ids(self) -> bool:
        """Whether the rows of an engine are those of the examples, whose ids and kept branches they get."""
        return self.output != "free"

    @property
    @abstractmethod
    def config_class(self) -> type[ConfigT]:
        """The class of the configuration."""

    @abstractmethod
    def layouts(self) -> tuple[Layout, ...]:
        """Return the layouts that the task reads.

        Of several that fit a file the first is taken, unless --layout names another.
        """

    def layouts_for(self, config: ConfigT) -> tuple[Layout, ...]:
        """Return the layouts with what a configuration says of them; it says nothing by default."""
        return self.layouts()

    def collections(self, branches: Sequence[str]) -> list[str]:
        """Return how the names begin of the objects in a tree that an option takes in the place of a layout's; none by default."""
        return []

    @abstractmethod
    def output_fields(self, config: ConfigT) -> Sequence[Field]:
        """Return the fields of the output tree."""

    @abstractmethod
    def assemble(self, chunk: Columns | None, carry: Carry | None,
                 config: ConfigT) -> tuple[Columns, Carry | None]:
        """Turn file entries into examples; what is unfinished at the chunk's end is carried over.

        `chunk` is None at the end, to flush, until the carry is None. Examples carry `file` (int32),
        `entry` (int64, the first one), the ids of the layout and kept branches; those of one entry
        follow one another, in the order of the entries.

        Raises:
            InputError: entries that cannot be used; says which.
        """

    def assemble_training(self, chunk: Columns | None, carry: Carry | None,
                          config: ConfigT) -> tuple[Columns, Carry | None]:
        """Do the same for training from files, and for validation then."""
        return self.assemble(chunk, carry, config)

    def portions(self, examples: Columns) -> Iterator[Columns]:
        """Yield the examples of a chunk in portions, between which progress is shown; all at once by default.

        Not empty, except where there is no example. More than one only of tasks whose examples are entries.
        """
        yield examples

    @abstractmethod
    def learner(self, config: ConfigT) -> Learner:
        """Return what the training loop knows of the network."""

    def engine(self, name: str, config: ConfigT, model: ModelFile | None, device: Any) -> Engine:
        """Make an engine by its name.

        Args:
            model: weights, where there are any.
            device: torch's, or None for an engine that needs none.

        Raises:
            ConfigError: there is no such engine, or it does not fit the configuration.
            ModelError: the weights cannot be used.
        """
        self.check_engine(name)
        return self.make_engine(name, config, model, device)

    @abstractmethod
    def make_engine(self, name: str, config: ConfigT, model: ModelFile | None, device: Any) -> Engine:
        """Make one of `engines`; see `engine`."""

    @abstractmethod
    def evaluator(self, config: ConfigT, engine: str) -> Evaluator:
        """Return what judges an engine, which has this name."""

    def comparison(self, config: ConfigT) -> Comparison | None:
        """Return what sets simulation beside the input in the place of judging this, where the configuration names its files; nothing by default."""
        return None

    def variations(self, examples: Columns, config: ConfigT) -> Mapping[str, Columns]:
        """Return the examples under each systematic variation that evaluating is to show, by its name; none by default.

        The engine's columns of them are given to the evaluator too, under the names `contract.varied`.
        """
        return {}

    def simulation(self, config: ConfigT, seed: int) -> Simulation:
        """Return simulated data.

        Raises:
            ConfigError: there is no simulation.
        """
        raise ConfigError(f"Task {self.name!r} has no simulation.")

    def check_stored(self, model: ModelFile) -> None:
        """Refuse arrays that are stored beside weights and are not as this task stores them.

        Raises:
            ModelError: one is of another type or shape, or not finite.
        """

    def domain(self, examples: Columns, prepared: Mapping[str, Array], config: ConfigT) -> list[str]:
        """Return sentences on how examples leave the ranges of the training."""
        return []

    def has_domain(self, prepared: Mapping[str, Array]) -> bool:
        """Return whether ranges of the training are stored, under names that begin with `domain`."""
        return any(name.partition(".")[0] == "domain" for name in prepared)

    def look_first(self, engine: str, columns: Columns, config: ConfigT) -> None:
        """Refuse input that an engine of `looks_first` cannot take, before more than its first entries are read.

        Raises:
            InputError: it cannot take them.
        """

    def last_step(self, config: ConfigT) -> LastStep:
        """Return the last step of applying, after any engine."""
        return LastStep()

    def output_rows(self, columns: Columns) -> Columns:
        """Return the columns of the output tree among those of the last step."""
        return columns

    def further_trees(self, config: ConfigT) -> dict[str, FurtherTree]:
        """Return the trees written beside the output tree, by name."""
        return {}

    def files_beside(self, config: ConfigT, engine: str, output: Path) -> Sequence[FilesBeside]:
        """Return files that grow beside the output of an engine.

        Raises:
            ConfigError: the engine, or the name of the output, does not fit them.
        """
        return ()

    def later_files(self, config: ConfigT, output: Path) -> Sequence[str]:
        """Return patterns, as of `Path.glob`, of the names of files beside the output that are known at the end only; see `contract.Finished`."""
        return ()

    def start_from_foreign(self, network: nn.Module, path: Path) -> bool:
        """Take weights of another program into a network; return whether the task can do that.

        Raises:
            ModelError: they do not fit.
        """
        return False

    def export(self, format: str, model: ModelFile) -> tuple[bytes, ...]:
        """Return the content of each file of one of `exports`: of the output, then of those beside it."""
        if format != SAFETENSORS:
            raise ConfigError(f"Task {self.name!r} offers no format {format!r}.{did_you_mean(format, self.exports)}")
        from .model_file import to_safetensors

        return to_safetensors(model)

    def data_export(self, format: str, config: ConfigT) -> DataExport:
        """Return one of `data_exports`.

        Raises:
            ConfigError: there is no such format.
        """
        raise ConfigError(f"Task {self.name!r} offers no format {format!r} of data.{did_you_mean(format, self.data_exports)}")

    def import_files(self, format: str, paths: Sequence[str]) -> Iterator[Columns]:
        """Yield columns of the first layout of files of one of `importers`, chunk by chunk.

        Raises:
            InputError: the files are not of that format.
        """
        raise ConfigError(f"Task {self.name!r} imports no format {format!r}.")

    def check_engine(self, name: str) -> None:
        """Refuse an engine that there is not; the nearest names are given.

        Raises:
            ConfigError: there is no such engine.
        """
        if name not in self.engines:
            raise ConfigError(f"Task {self.name!r} has no engine {name!r}.{did_you_mean(name, self.engines)}")

    def engine_options(self, name: str) -> list[str]:
        """Return what the name of an engine says of the configuration, as `key=value`; nothing by default."""
        return []

    def needs_weights(self, engine: str) -> bool:
        """Return whether an engine is a trained network."""
        return engine in (self.networks or (self.default_engine,))
