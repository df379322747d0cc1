"""The contract of a task: what it reads, what one example is, and where its parts are.

A `Task` is light: heavy parts (models, simulation, plots) are "module:attribute" strings, resolved
with `Task.load`. The protocols in `contract` say what each of those attributes must offer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .contract import Cardinality, Engine
from .errors import ConfigError, did_you_mean
from .lazy import load_attribute

if TYPE_CHECKING:
    from .config import Config


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
