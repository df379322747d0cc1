"""The task `lcag`: decay trees from their leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...contract import Engine, Evaluator, Export, Flag, LastStep, Learner, Simulation
from ...task import Task

if TYPE_CHECKING:
    from ...io.carry import Carry
    from ...io.ragged import Array, Columns
    from ...io.schema import Field, Layout
    from ...model_file import ModelFile
    from .config import LcagConfig


class Lcag(Task["LcagConfig"]):
    """See the module."""

    name = "lcag"
    summary = "Decay trees from their leaves, through the lowest-common-ancestor-generations matrix."
    example = "entry"
    output = "entry"
    output_tree = "lcag"
    engines = ("network", "massline", "combiner", "lookup")
    default_engine = "network"
    simulates = True
    weights = {"paper": "paper.safetensors", "detector": "detector.safetensors"}
    exports = {**Task.exports, "onnx": Export(beside=("_decoder.py",))}
    importers = ("baumbauen-npy",)
    own_flags = {
        "--match": Flag("apply.match", "TEMPLATE", (
            "Flag events whose trees contain this decay, children in any order: 'D0 -> K- pi+', "
            "'((* *) *)', or a YAML file. Labels are particles or masses in GeV. Leaves named as particles are compared with "
            "mass hypotheses: those of the input, else of the model, else by mass. Charges are compared where the "
            "leaves have a branch `charge`, up to charge conjugation of the whole decay; masses alone otherwise.")),
        "--signal-side": Flag("apply.signal_side", "BRANCH", (
            "Leaves for which this branch is not 0 are a signal side that is known; the rest of the "
            "event is reconstructed."), verbs=("apply", "evaluate", "validate")),
    }

    @property
    def config_class(self) -> type[LcagConfig]:
        """The class of the configuration."""
        from .config import LcagConfig

        return LcagConfig

    def layouts(self) -> tuple[Layout, ...]:
        """Return the layouts that the task reads."""
        from .schema import LAYOUTS

        return LAYOUTS

    def output_fields(self, config: LcagConfig) -> Sequence[Field]:
        """Return the fields of the output tree."""
        from .schema import OUTPUT_FIELDS

        return OUTPUT_FIELDS

    def assemble(self, chunk: Columns | None, carry: Carry | None, config: LcagConfig) -> tuple[Columns, Carry | None]:
        """Make one example of every entry; see `reading.assemble`."""
        from .reading.assemble import assemble

        return assemble(chunk, carry, config)

    def assemble_training(self, chunk: Columns | None, carry: Carry | None, config: LcagConfig) -> tuple[Columns, Carry | None]:
        """Do the same for training; events with which batches would be too large are refused."""
        from .reading.large_events import refuse_large_batches

        examples, carry = self.assemble(chunk, carry, config)
        if examples:
            refuse_large_batches(examples, config)
        return examples, carry

    def portions(self, examples: Columns) -> Iterator[Columns]:
        """Cut where there are large events, with many pairs of leaves."""
        from .reading.large_events import portions

        return portions(examples)

    def learner(self, config: LcagConfig) -> Learner:
        """Return what the training loop knows of the network."""
        from .learner import LcagLearner

        return LcagLearner(config)

    def make_engine(self, name: str, config: LcagConfig, model: ModelFile | None, device: Any) -> Engine:
        """Make one of the engines."""
        from .engines import make_engine

        return make_engine(name, config, model, device)

    def evaluator(self, config: LcagConfig, engine: str) -> Evaluator:
        """Return what judges an engine."""
        from .judging.metrics import LcagEvaluator

        return LcagEvaluator(config)

    def simulation(self, config: LcagConfig, seed: int) -> Simulation:
        """Return simulated decays."""
        from .simulation.simulate import LcagSimulation

        return LcagSimulation(config, seed)

    def check_stored(self, model: ModelFile) -> None:
        """Refuse ranges, tables and calibrations that are none."""
        from .models.stored import check_stored

        check_stored(model)

    def domain(self, examples: Columns, prepared: Mapping[str, Array], config: LcagConfig) -> list[str]:
        """Return how events leave the ranges of the training."""
        from .models.domain import outside

        return outside(examples, prepared)

    def last_step(self, config: LcagConfig) -> LastStep:
        """Return what puts a signal side back in, and searches for a template."""
        from .output.last_step import LcagLastStep

        return LcagLastStep(config)

    def export(self, format: str, model: ModelFile) -> tuple[bytes, ...]:
        """Return the contents of the files of a format."""
        if format == "onnx":
            from .export.onnx_export import to_onnx

            return to_onnx(model)
        return super().export(format, model)

    def import_files(self, format: str, paths: Sequence[str]) -> Iterator[Columns]:
        """Yield events of the published npy files."""
        from .reading.baumbauen import read

        return read(paths)
