"""The task `jets`: of which class jets are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...contract import (
    Comparison,
    Engine,
    Evaluator,
    Export,
    Flag,
    LastStep,
    Learner,
    Simulation,
    Verb,
)
from ...errors import ConfigError
from ...task import Task

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from ...io.carry import Carry
    from ...io.ragged import Array, Columns
    from ...io.schema import Field, Layout
    from ...model_file import ModelFile
    from .config import JetsConfig

BRANCH = "branch:"
"""How the names of engines begin that are an existing score."""

READING: tuple[Verb, ...] = ("train", "apply", "evaluate", "validate")


class Jets(Task["JetsConfig"]):
    """See the module."""

    name = "jets"
    summary = "Classes of jets in the experiments' own files, flat in the mass if asked."
    example = "object"
    output = "entry"
    output_tree = "jets"
    engines = ("network", "branch:EXPRESSION")
    default_engine = "network"
    networks = {"network": "toy"}
    weights = {"toy": "toy.safetensors"}
    simulates = True
    simulation_note = "the model was trained on simulated jets, a toy without a detector, whose scores hold for no jets of an experiment; train one on such files, by a preset for them (see -c)"
    judges_without_truth = True
    exports = {**Task.exports, "onnx": Export()}
    own_flags = {
        "--generator": Flag("simulation.generator", "NAME", "What makes the jets: toy (default), or pythia, see simulation.generator.", ("simulate",)),
        "--label": Flag("data.labels", "CLASS=FILES,...", "Of which class the jets of files are, by the names of the files, as qcd=qcd*.root,signal=zprime*.root.", ("train", "evaluate")),
        "--weaver-config": Flag("data.weaver_config", "FILE", "Take classes, selection, inputs of constituents and weights of a data configuration of weaver-core; what is given besides wins.", ("train",)),
        "--decorrelate": Flag("model.decorrelate", "METHOD", "Keep the scores of background from showing the mass: none, planing, adversarial, disco, mode or quantile.", ("train",)),
        "--against": Flag("model.against", "EXPRESSIONS", "What scores are to be independent of; default: jet_mass; jet_mass,jet_pt is both.", ("train",)),
        "--collection": Flag("data.collection", "PREFIX", "Jets whose branches begin so, as ScoutingFatJet or JetsAK8; default: as the layout has them.", READING),
        "--simulation": Flag("apply.simulation", "FILES", "Set the jets of these files, as 'mc*.root', beside those of the input, which are data: spectra of scores, inputs and masses with their ratio and chi2.", ("evaluate",)),
        "--selection": Flag("data.selection", "EXPRESSION", "Judge only jets for which this is true; all get scores.", ("evaluate",)),
        "--working-points": Flag("apply.working_points", "FILE", "YAML file of working points, as evaluate writes it: the output says which jets pass.", ("apply",)),
        "--bins": Flag("apply.bins", "GEV,...", "Edges of bins of jet_pt in which the working points that are written have a threshold each.", ("evaluate",)),
        "--fold": Flag("apply.left_out_alone", "true", "Judge only events of the fold that the training left out, see data.folds.", ("evaluate",), alone="true", values=("true",)),
        "--other-folds": Flag("apply.other_folds", "MODELS", "Run folders or weights of the other folds, with commas between them: each event gets the scores of the model that has not seen it.", ("apply", "evaluate")),
        "--resonance-mass": Flag("apply.resonance_mass", "GEV", "Resonance mass that is searched for, of a parametrised network.", ("apply", "evaluate")),
    }

    @property
    def config_class(self) -> type[JetsConfig]:
        """The class of the configuration."""
        from .config import JetsConfig

        return JetsConfig

    def layouts(self) -> tuple[Layout, ...]:
        """Return the layouts that the task reads."""
        from .schema import LAYOUTS

        return LAYOUTS

    def layouts_for(self, config: JetsConfig) -> tuple[Layout, ...]:
        """Return the layout of a collection that the configuration names, else all, with the columns that are needed; those go first whose jets have branches that expressions take."""
        from .schema import LAYOUTS, collection, named_first, with_needed

        layouts = LAYOUTS if config.data.collection is None else (collection(config.data.collection),)
        names = {*config.names, *config.particle_names, *config.particle_columns}
        return tuple(with_needed(layout, names) for layout in named_first(layouts, config.names_of_jets))

    def collections(self, branches: Sequence[str]) -> list[str]:
        """Return the prefixes that --collection takes in a tree."""
        from .schema import collections_of

        return collections_of(branches)

    def output_fields(self, config: JetsConfig) -> Sequence[Field]:
        """Return the fields of the output tree."""
        from .output.columns import output_fields

        return output_fields(config)

    def assemble(self, chunk: Columns | None, carry: Carry | None, config: JetsConfig) -> tuple[Columns, Carry | None]:
        """Make an example of every jet; see `reading.assemble`."""
        from .reading.assemble import assemble

        return assemble(chunk, carry, config)

    def assemble_training(self, chunk: Columns | None, carry: Carry | None, config: JetsConfig) -> tuple[Columns, Carry | None]:
        """Make one of every jet that is of a class and selected."""
        from .reading.assemble import assemble_training

        return assemble_training(chunk, carry, config)

    def learner(self, config: JetsConfig) -> Learner:
        """Return what the training loop knows of the network."""
        from .learner import JetsLearner

        return JetsLearner(config)

    def make_engine(self, name: str, config: JetsConfig, model: ModelFile | None, device: Any) -> Engine:
        """Make one of the engines."""
        from .engines import make_engine

        return make_engine(name, config, model, device)

    def check_engine(self, name: str) -> None:
        """Refuse an engine that there is not; an existing score is one by its expression, as `branch:FatJet_particleNet_XbbVsQCD`."""
        if not name.startswith(BRANCH):
            super().check_engine(name)
        elif name == self.engines[1] or name == BRANCH:
            raise ConfigError(f"--engine {name}: the name of a branch, or an expression, belongs behind {BRANCH}")

    def engine_options(self, name: str) -> list[str]:
        """Return the expression of an existing score as its option."""
        return [f"apply.score={json.dumps(name.removeprefix(BRANCH))}"] if name.startswith(BRANCH) else []

    def evaluator(self, config: JetsConfig, engine: str) -> Evaluator:
        """Return what judges an engine."""
        from .judging.metrics import JetsEvaluator

        return JetsEvaluator(config)

    def comparison(self, config: JetsConfig) -> Comparison | None:
        """Return what compares data and simulation, if files of it are named."""
        if not config.apply.simulation:
            return None
        from .judging.data_against_simulation import DataAgainstSimulation

        return DataAgainstSimulation(config)

    def simulation(self, config: JetsConfig, seed: int) -> Simulation:
        """Return simulated jets."""
        if config.simulation.generator == "pythia":
            from .simulation.pythia import PythiaSimulation

            return PythiaSimulation(config.simulation, seed)
        from .simulation.simulate import JetsSimulation

        return JetsSimulation(config.simulation, seed)

    def variations(self, examples: Columns, config: JetsConfig) -> Mapping[str, Columns]:
        """Return jets with other energies, masses or resolution."""
        from .reading.variations import variations

        return variations(examples, config)

    def last_step(self, config: JetsConfig) -> LastStep:
        """Return what says which jets pass working points, if a file names them."""
        if config.apply.working_points is None:
            return super().last_step(config)
        from .output.last_step import PassingJets

        return PassingJets(config)

    def start_from_foreign(self, network: nn.Module, path: Path) -> bool:
        """Take weights published for a network of constituents."""
        from .models.published_start import start_from_published

        start_from_published(network, path)
        return True

    def export(self, format: str, model: ModelFile) -> tuple[bytes, ...]:
        """Return the content of the file of a format."""
        if format == "onnx":
            from .export.onnx_export import to_onnx

            return to_onnx(model)
        return super().export(format, model)

    def check_stored(self, model: ModelFile) -> None:
        """Refuse scales, ranges, trees and maps that are none."""
        from .models.stored import check_stored

        check_stored(model)

    def domain(self, examples: Columns, prepared: Mapping[str, Array], config: JetsConfig) -> list[str]:
        """Return how jets leave the ranges of the training."""
        from .models.domain import outside

        return list(outside(examples, prepared, config))
