"""The task `track`: tracks of protons through a layered calorimeter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...contract import (
    LIST_FORMAT,
    SORT,
    DataExport,
    Engine,
    Evaluator,
    Flag,
    FurtherTree,
    Learner,
    Simulation,
    Verb,
)
from ...task import Task

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

    from ...io.carry import Carry
    from ...io.ragged import Array, Columns
    from ...io.schema import Field, Layout
    from ...model_file import ModelFile
    from .config import TrackConfig

READING: tuple[Verb, ...] = ("apply", "evaluate", "validate", "export")


class Track(Task["TrackConfig"]):
    """See the module."""

    name = "track"
    summary = "Proton tracks in a digital tracking calorimeter, with their energies and water-equivalent path lengths."
    example = "span"
    output = "example"
    output_tree = "tracks"
    further_tree_names = ("wepl",)
    engines = ("network", "follower", "deflection", "straight", "perfect")
    default_engine = "network"
    simulates = True
    judges_without_truth = True
    weights = {"mixed": "mixed.safetensors"}
    data_exports = {"pyg": "graphs of hits and candidate links, as PyTorch Geometric has them"}
    importers = ("dtc-npz",)
    own_flags = {
        "--protons-per-frame": Flag("apply.protons_per_frame", "N", (
            "Make frames of N particles with hits, where the file has one hit per entry; default: 100."), READING),
        "--frame-time": Flag("apply.frame_time", "SECONDS", "Make frames of this readout time instead.", READING, instead_of="--protons-per-frame"),
        "--sort": Flag("apply.sort", "RULE", SORT, READING, alone="full", values=("none", "full")),
        "--geometry": Flag("apply.geometry", "FILE", (
            "YAML file of the calorimeter, or a known name; default: learned from the hits."), READING),
        "--beam-axis": Flag("apply.beam_axis", "AXIS", (
            "Direction of the beam in the input: +z, -z, +x, -x, +y or -y; default: +z, or as the calorimeter is recognised."), READING),
        "--beam": Flag("apply.beam", "BEAM", (
            "Particle and energy of the beam, as proton:200MeV or helium:220MeV/u, which WEPL needs; or estimate (helium:estimate), if some particles saw no phantom, "
            "or a ROOT file of a run without phantom to estimate it from; default: as the file says."), READING),
        "--wepl-calibration": Flag("apply.wepl_calibration", "FILE", (
            "YAML file with offset and slope, or a table, from measured to true WEPL, as `evaluate` writes it for runs of known phantoms."), ("apply", "evaluate")),
        "--phantom": Flag("apply.phantom", "MM", (
            "Known water-equivalent thickness in front of the calorimeter, or one for each file as 50,100,150, with which WEPL is compared, and to which it is calibrated."), ("evaluate",)),
        "--list-format": Flag("apply.list_format", "rtk|dtc-toolkit", LIST_FORMAT),
        "--pixel-mask": Flag("apply.pixel_mask", "FILE", (
            "CSV file of dead and hot pixels of a file of pixels: 'layer,column,row,kind', each a number, 5-9 or * for all, and 'dead' or 'hot'."), READING),
    }

    @property
    def config_class(self) -> type[TrackConfig]:
        """The class of the configuration."""
        from .config import TrackConfig

        return TrackConfig

    def layouts(self) -> tuple[Layout, ...]:
        """Return the layouts that the task reads."""
        from .schema import LAYOUTS

        return LAYOUTS

    def output_fields(self, config: TrackConfig) -> Sequence[Field]:
        """Return the fields of the output tree."""
        from .schema import OUTPUT_FIELDS

        return OUTPUT_FIELDS

    def assemble(self, chunk: Columns | None, carry: Carry | None, config: TrackConfig) -> tuple[Columns, Carry | None]:
        """Make frames for applying; see `reading.assemble`."""
        from .reading.assemble import assemble

        return assemble(chunk, carry, config)

    def assemble_training(self, chunk: Columns | None, carry: Carry | None, config: TrackConfig) -> tuple[Columns, Carry | None]:
        """Make frames for training, whose numbers of particles are drawn."""
        from .reading.assemble import assemble_training

        return assemble_training(chunk, carry, config)

    def learner(self, config: TrackConfig) -> Learner:
        """Return what the training loop knows of the network."""
        from .learner import TrackLearner

        return TrackLearner(config)

    def make_engine(self, name: str, config: TrackConfig, model: ModelFile | None, device: Any) -> Engine:
        """Make one of the engines."""
        from .engines import make_engine

        return make_engine(name, config, model, device)

    def evaluator(self, config: TrackConfig, engine: str) -> Evaluator:
        """Return what judges an engine."""
        from .judging.metrics import TrackEvaluator

        return TrackEvaluator(config)

    def simulation(self, config: TrackConfig, seed: int) -> Simulation:
        """Return simulated protons."""
        from .simulation.simulate import TrackSimulation

        return TrackSimulation(config, seed)

    def check_stored(self, model: ModelFile) -> None:
        """Refuse ranges of the training that are none."""
        from .models.domain import check_domain

        check_domain(model)

    def domain(self, examples: Columns, prepared: Mapping[str, Array], config: TrackConfig) -> list[str]:
        """Return how frames leave the ranges of the training."""
        from .models.domain import outside

        return list(outside(examples, prepared))

    def further_trees(self, config: TrackConfig) -> dict[str, FurtherTree]:
        """Return the flat list of tracks for image reconstruction."""
        from functools import partial

        from .imaging.finished_list import finished_list
        from .imaging.wepl_list import WEPL_FIELDS, wepl_list

        return {"wepl": FurtherTree(WEPL_FIELDS, partial(wepl_list, config=config), partial(finished_list, config=config))}

    def later_files(self, config: TrackConfig, output: Path) -> list[str]:
        """Return patterns of the lists for reconstruction programs."""
        from .imaging.list_files import list_patterns

        return list_patterns(output, config.apply.list_format)

    def start_from_foreign(self, network: nn.Module, path: Path) -> bool:
        """Take the published weights."""
        from .models.published_weights import start_from_published

        start_from_published(network, path)
        return True

    def data_export(self, format: str, config: TrackConfig) -> DataExport:
        """Return the graphs of candidate links."""
        if format not in self.data_exports:
            return super().data_export(format, config)
        from .export.graph_shards import GraphShards

        return GraphShards(config)

    def import_files(self, format: str, paths: Sequence[str]) -> Iterator[Columns]:
        """Yield hits of the published npz files."""
        from .reading.published_npz import columns

        return columns(paths)
