"""Options of the task `track`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, model_validator
from pydantic import Field as Limits

from ....config import Config, option
from ....training.config import InputConfig, TaskConfig, TrainingConfig
from .engines import DeflectionConfig, FollowerConfig, StraightConfig
from .imaging import OutlierConfig, UpstreamConfig
from .model import ModelConfig
from .simulation import SimulationConfig


def _listed(value: Any) -> Any:
    """Return a list of one number, or of a text of several with commas."""
    if isinstance(value, str):
        return value.split(",")
    return [value] if isinstance(value, (int, float)) else value


Count = Annotated[int, Limits(ge=1)]
Thickness = Annotated[float, Limits(ge=0, allow_inf_nan=False)]
Thicknesses = Annotated[list[Thickness], BeforeValidator(_listed)]


class DataConfig(InputConfig):
    """What a hit and a frame are in training, and which links are tried."""

    geometry: str | None = option(None, "Calorimeter: a known name, or a YAML file; null learns the layers from the hits.")
    protons_per_frame: list[Count] = option(lambda: [25, 50, 75, 100, 125, 150, 175, 200], "Particles with hits in the frames of the training, drawn for every frame.", min_length=1)
    hits: Literal["clusters", "particles"] = option("clusters", "What a hit is, where the file has steps: `clusters` are the pixels that fire together, of all particles of the frame; `particles` what one particle leaves in one layer, as published.")
    min_cluster_size: int = option(2, "Fewest pixels of a hit.", ge=0)
    max_angle: float = option(0.6, "Largest angle between a link and the beam axis in the calorimeter.", "rad", gt=0, lt=1.5)
    max_front_angle: float = option(0.6, "The same for the links between the first three layers.", "rad", gt=0, lt=1.5)
    max_step: float | None = option(24.0, "Largest distance of a link's hits across the beam, which is what limits links over the gaps between trackers; null sets no limit.", "mm", gt=0)
    skip_layers: int = option(1, "Layers without any hit in the frame that a link may leave out, as those that are dead.", ge=0, le=1)


class FilterConfig(Config):
    """Which tracks are kept."""

    min_hits: int = option(2, "Fewest hits of a track; shorter ones are left out.", ge=1)
    max_kink: float | None = option(None, "Largest deflection inside a track; null keeps all.", "rad", gt=0)
    min_last_dedx: float | None = option(None, "Smallest energy loss in the last sensor of a track, for its Bragg peak; null keeps all.", "keV/um", ge=0)


class ApplyConfig(Config):
    """How hits become frames, and network output tracks."""

    protons_per_frame: int = option(100, "Particles with hits in a frame, where the file has one hit per entry; see --protons-per-frame.", ge=1)
    frame_time: float | None = option(None, "Readout time of a frame instead; see --frame-time.", "s", gt=0)
    sort: Literal["none", "full"] = option("none", "Order of the steps: one event after the other (none), or any (full): then they are sorted by run, event and particle first, in temporary files (TMPDIR) where they are more than some millions; see --sort. Training from files does it too.")
    last_frame: Literal["keep", "drop"] = option("keep", "What becomes of an incomplete last frame of a beam spot.")
    geometry: str | None = option(None, "Calorimeter: a known name, or a YAML file; null takes that of the model, or learns the layers from the hits; see --geometry.")
    beam: str | None = option(None, "Beam in front of the phantom, as proton:200MeV or helium:220MeV/u; a YAML file with the keys beam, beam_of_run, beam_spread; estimate (of helium: helium:estimate), which says that some particles of the input saw no phantom; or a ROOT file of a run without phantom, to estimate it from. null takes what the file says (branches beam_energy, beam_pdg), or the beam of a YAML file given as geometry; without any, ranges are given and WEPL is not; see --beam.")
    beam_of_run: dict[int, str] = option(dict, "Run number -> beam, as {0: \"proton:190MeV\"}, of runs with a beam of their own.")
    beam_spread: float | None = option(None, "Gaussian width of the beam's energy, for the error of WEPL and the estimate of the beam; null takes what the file or the geometry given says, or none.", "MeV", ge=0)
    pixel_mask: str | None = option(None, "CSV file of dead and hot pixels, where the file has pixels; see --pixel-mask.")
    beam_axis: Literal["+z", "-z", "+x", "-x", "+y", "-y"] | None = option(None, "Direction of the beam in the input, whose positions are turned so that it is +z; null takes +z, or the one for which a known calorimeter is recognised; see --beam-axis.")
    wepl_calibration: str | None = option(None, "YAML file that makes measured WEPL the true one: offset (mm) and slope, or a table of pairs, as evaluating runs of known phantoms writes it; see --wepl-calibration.")
    phantom: Thicknesses = option(list, "Known water-equivalent thickness in front of the calorimeter, with which evaluating compares WEPL, and calibrates it, or one for each input file; empty takes the branch `phantom` of the file; see --phantom.", "mm")
    phantom_of_run: dict[int, Thickness] = option(dict, "Run number -> the same, of runs with a phantom of their own.", "mm")
    no_link: bool = option(True, "A hit may stay without a link, at the cost that the network learned; false links every hit that can be linked, as published.")
    join_angle: float = option(0.15, "Largest bend at which two pieces of a track are joined over one or two layers that missed it; 0 joins none.", "rad", ge=0)
    batch_size: int = option(4, "Frames per forward pass.", ge=1)
    block_size: int = option(100_000, "Entries of a file that are read at a time.", ge=1)
    follower: FollowerConfig = option(FollowerConfig, "Options of the engine `follower`.")
    straight: StraightConfig = option(StraightConfig, "Options of the engine `straight`.")
    deflection: DeflectionConfig = option(DeflectionConfig, "Options of the engine `deflection`.")
    filters: FilterConfig = option(FilterConfig, "Which tracks are kept.")
    outliers: OutlierConfig = option(OutlierConfig, "Which protons of the tree `wepl` are marked as outliers.")
    upstream: UpstreamConfig = option(UpstreamConfig, "Where protons come from, for the tree `wepl`.")
    rotation_angles: dict[int, float] | None = option(None, "Run number -> rotation of the object, for the tree `wepl`; null takes that of the file, if it has one.", "deg")
    list_format: Literal["root", "rtk", "dtc-toolkit"] = option("root", "What else the list of protons is written as, beside the output, without outliers and one for each projection: rtk (.mhd and .raw, of PCT) or dtc-toolkit (tree WEPLData); see --list-format.")
    isocentre: list[float] = option(lambda: [0.0, 0.0, 0.0], "Point of the axis about which the object turns, in the coordinates of the hits; lists for `rtk` count from it.", "mm", min_length=3, max_length=3)


class TrackConfig(TaskConfig):
    """All options of the task `track`."""

    simulation: SimulationConfig = option(SimulationConfig, "Simulated data, where there are no files.")
    data: DataConfig = option(DataConfig, "Input.")
    model: ModelConfig = option(ModelConfig, "Network.")
    training: TrainingConfig = option(TrainingConfig, "Training.")
    apply: ApplyConfig = option(ApplyConfig, "Applying.")

    @property
    def entries_at_a_time(self) -> int:
        """Entries of a file that are read at a time."""
        return self.apply.block_size

    @model_validator(mode="after")
    def _positions_in_front(self) -> TrackConfig:
        if self.apply.list_format == "rtk" and self.apply.upstream.z is None:
            raise ValueError("apply.list_format=rtk needs positions in front of the object: state where with apply.upstream.z=Z (mm)")
        return self

    @model_validator(mode="after")
    def _published_links(self) -> TrackConfig:
        if self.model.is_published and self.data.skip_layers:
            raise ValueError(f"the network {self.model.name} has no links over a layer: set data.skip_layers=0, or take its preset")
        return self
