"""Options of the task `track`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Limits
from pydantic import model_validator

from ...config import Config, option
from ...training.config import TrainingConfig

Count = Annotated[int, Limits(ge=1)]


class SimulationConfig(Config):
    """Particles through a phantom into the calorimeter."""

    geometry: str = option("dtc", "Calorimeter: a name of `pphysml/tasks/track/geometries`, or a YAML file.")
    phantoms: list[Annotated[float, Limits(ge=0)]] = option(list, "Thicknesses of water, drawn for every frame; empty takes that of the geometry.", "mm")
    further_geometries: dict[str, list[Annotated[float, Limits(ge=0)]]] = option(dict, "Further calorimeters, with the phantoms of each (mm; empty takes the geometry's own): blocks of frames for training take turns with `geometry`.")
    inelastic: bool = option(True, "Nuclear interactions: the primary ends, secondaries go on.")
    inefficiency: float = option(0.001, "Probability that a sensor does not see a particle.", "", ge=0, lt=1)
    noise: float = option(0.05, "Mean number of noise hits in each layer of a frame of 100 particles.", "", ge=0)
    resolution: float = option(0.005, "Gaussian error of a hit's position in x and y.", "mm", ge=0)


class DataConfig(Config):
    """What a hit and a frame are in training, and which links are tried."""

    geometry: str | None = option(None, "Calorimeter: a known name, or a YAML file; null learns the layers from the hits.")
    protons_per_frame: list[Count] = option(lambda: [25, 50, 75, 100, 125, 150, 175, 200], "Particles with hits in the frames of the training, drawn for every frame.", min_length=1)
    min_cluster_size: int = option(2, "Fewest pixels of a hit.", ge=0)
    max_angle: float = option(0.6, "Largest angle between a link and the beam axis in the calorimeter.", "rad", gt=0, lt=1.5)
    max_front_angle: float = option(0.6, "The same for the links between the first three layers.", "rad", gt=0, lt=1.5)
    max_step: float | None = option(24.0, "Largest distance of a link's hits across the beam, which is what limits links over the gaps between trackers; null sets no limit.", "mm", gt=0)
    skip_layers: int = option(1, "Layers without any hit in the frame that a link may leave out, as those that are dead.", ge=0, le=1)


class ModelConfig(Config):
    """The network, and how the assignment in each layer takes part in its training."""

    name: Literal["relay", "line-graph", "hit-graph"] = option("relay", "Network: ours, or one of those published with arXiv:2407.13420.")
    width: int = option(40, "Width of a link's state.", ge=4)
    message_width: int = option(24, "Width of a message between links.", ge=2)
    rounds: int = option(3, "Rounds of messages.", ge=1)
    neighbours: int = option(4, "Straightest continuations of a link, on either side, from which it takes messages.", ge=1)
    min_early_probability: float = option(0.001, "Links that a first look finds less probable at one of their hits take no part in the rounds; 0 keeps all.", "", ge=0, lt=0.1)
    early_weight: float = option(0.3, "Weight of the loss of that first look.", "", ge=0)
    published_defects: bool = option(False, "Keep the defects of the published code: the sigmoid of `hit-graph` applied twice, learning rate never lowered.")
    relaxation: Literal["none", "blackbox", "spo+", "fenchel-young", "imle", "sinkhorn", "identity"] = option("none", "How the assignment of every layer enters the loss; `none` is the cross entropy of links alone.")
    relaxation_weight: float = option(1.0, "Weight of the loss through the assignment.", "", ge=0)
    cross_entropy_weight: float = option(1.0, "Weight of the cross entropy of links beside it; 0 leaves the assignment alone.", "", ge=0)
    blackbox_strength: float = option(25.0, "Strength of the blackbox gradient's perturbation, in the convention that is chosen.", "", gt=0)
    blackbox_convention: Literal["published", "scale-free"] = option("scale-free", "`published` applies the strength to the gradient of the mean loss; `scale-free` to the gradient divided by its largest element.")
    temperature: float = option(1.0, "Scale of the noise (fenchel-young, imle) or of the entropy (sinkhorn), in units of the cost.", "", gt=0)
    samples: int = option(2, "Noisy assignments for each gradient (fenchel-young, imle).", ge=1)
    iterations: int = option(20, "Iterations of sinkhorn.", ge=1)


class FollowerConfig(Config):
    """The classical engine `follower`: seeds in two layers, continued where they bend least (Pettersen et al.)."""

    max_scatter: float = option(40.0, "Largest deflection in a layer, in widths of multiple scattering; a hit there gains a track nothing.", "", gt=0)
    max_angle: float = option(0.6, "Largest deflection in any case.", "rad", gt=0, lt=1.5)
    seed_angle: float = option(0.3, "Largest angle of a seed to the direction that is expected at its position.", "rad", gt=0, lt=1.5)
    tail: float = option(3.0, "Degrees of freedom of Student's distribution of the deflections; large for a Gaussian.", "", gt=0)
    energy_weight: float = option(0.8, "Weight of the squared fall of the energy loss's logarithm from hit to hit.", "", ge=0)
    missing_layers: int = option(1, "Layers that a link may leave out.", ge=0, le=2)
    missing_cost: float = option(7.0, "What each of them costs, as minus the logarithm of a probability.", "", ge=0)
    start_layers: int = option(2, "Layers in which seeds start.", ge=1)
    late_cost: float = option(8.0, "What a start costs for each layer in front of it, as minus the logarithm of a probability.", "", ge=0)
    branches: int = option(4, "Paths of a seed that are followed at the same time.", ge=1)
    exchanges: int = option(20, "Most sweeps in which tracks exchange hits and tails; 0 takes them as they were found.", ge=0)
    measure: bool = option(True, "Follow twice: the first tracks tell how much the protons of a frame scatter, and where they come from.")


class DeflectionConfig(Config):
    """The classical engine `deflection`: in each layer the assignment of least squared deflection."""

    max_angle: float = option(0.15, "Largest deflection of a link, and largest angle of a track's first one to the beam axis.", "rad", gt=0, lt=1.5)
    direction: Literal["forward", "backward", "both"] = option("both", "From the first layer on, from the last one back, or the better tracks of both.")


class FilterConfig(Config):
    """Which tracks are kept."""

    min_hits: int = option(2, "Fewest hits of a track; shorter ones are left out.", ge=1)
    max_kink: float | None = option(None, "Largest deflection inside a track; null keeps all.", "rad", gt=0)
    min_last_dedx: float | None = option(None, "Smallest energy loss in the last sensor of a track, for its Bragg peak; null keeps all.", "keV/um", ge=0)


class ApplyConfig(Config):
    """How hits become frames, and network output tracks."""

    protons_per_frame: int = option(100, "Particles with hits in a frame, where the file has one hit per entry; see --protons-per-frame.", ge=1)
    frame_time: float | None = option(None, "Readout time of a frame instead; see --frame-time.", "s", gt=0)
    last_frame: Literal["keep", "drop"] = option("keep", "What becomes of an incomplete last frame of a beam spot.")
    geometry: str | None = option(None, "Calorimeter: a known name, or a YAML file; null takes that of the model, or learns the layers from the hits; see --geometry.")
    no_link: bool = option(True, "A hit may stay without a link, at the cost that the network learned; false links every hit that can be linked, as published.")
    join_angle: float = option(0.15, "Largest bend at which two pieces of a track are joined over a layer that missed it; 0 joins none.", "rad", ge=0)
    batch_size: int = option(4, "Frames per forward pass.", ge=1)
    block_size: int = option(100_000, "Entries of a file that are read at a time.", ge=1)
    follower: FollowerConfig = option(FollowerConfig, "Options of the engine `follower`.")
    deflection: DeflectionConfig = option(DeflectionConfig, "Options of the engine `deflection`.")
    filters: FilterConfig = option(FilterConfig, "Which tracks are kept.")


class TrackConfig(Config):
    """All options of the task `track`."""

    simulation: SimulationConfig = option(SimulationConfig, "Simulated data, where there are no files.")
    data: DataConfig = option(DataConfig, "Input.")
    model: ModelConfig = option(ModelConfig, "Network.")
    training: TrainingConfig = option(TrainingConfig, "Training.")
    apply: ApplyConfig = option(ApplyConfig, "Applying.")

    @model_validator(mode="after")
    def _published_links(self) -> TrackConfig:
        if self.model.name != "relay" and self.data.skip_layers:
            raise ValueError(f"the network {self.model.name} has no links over a layer: set data.skip_layers=0, or take its preset")
        return self
