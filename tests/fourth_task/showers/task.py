"""The task `showers`: which particle made each shower of an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pphysml.contract import Engine, Evaluator, Flag, Learner, Simulation
from pphysml.task import Task

if TYPE_CHECKING:
    from pphysml.io.carry import Carry
    from pphysml.io.ragged import Columns
    from pphysml.io.schema import Field, Layout
    from pphysml.model_file import ModelFile

    from .config import ShowersConfig


class Showers(Task["ShowersConfig"]):
    """See the module."""

    name = "showers"
    summary = "Photons and pions among the showers of an event."
    example = "object"
    output = "entry"
    output_tree = "showers"
    engines = ("network",)
    default_engine = "network"
    simulates = True
    own_flags = {"--min-energy": Flag("apply.min_energy", "GEV", "Leave out showers of less energy.", ("apply", "evaluate", "validate"))}

    @property
    def config_class(self) -> type[ShowersConfig]:
        """The class of the configuration."""
        from .config import ShowersConfig

        return ShowersConfig

    def layouts(self) -> tuple[Layout, ...]:
        """Return the layouts that the task reads."""
        from .schema import LAYOUTS

        return LAYOUTS

    def output_fields(self, config: ShowersConfig) -> Sequence[Field]:
        """Return the fields of the output: a score for each class of the configuration."""
        from .schema import output_fields

        return output_fields(config.data.classes)

    def assemble(self, chunk: Columns | None, carry: Carry | None, config: ShowersConfig) -> tuple[Columns, Carry | None]:
        """Make an example of every shower."""
        from .reading.assemble import showers_of

        return ({} if chunk is None else showers_of(chunk, config)), None

    def learner(self, config: ShowersConfig) -> Learner:
        """Return what the training loop knows of the network."""
        from .learner import ShowersLearner

        return ShowersLearner(config)

    def make_engine(self, name: str, config: ShowersConfig, model: ModelFile | None, device: Any) -> Engine:
        """Make the engine."""
        from .engines import make_engine

        return make_engine(name, config, model, device)

    def evaluator(self, config: ShowersConfig, engine: str) -> Evaluator:
        """Return what judges the engine."""
        from .judging.metrics import ShowersEvaluator

        return ShowersEvaluator(config, engine)

    def simulation(self, config: ShowersConfig, seed: int) -> Simulation:
        """Return simulated showers."""
        from .simulation.simulate import ShowerSimulation

        return ShowerSimulation(seed)
