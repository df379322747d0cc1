"""Options of the task `lcag`."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from ...config import Config, option
from ...training.config import TrainingConfig

N_CLASSES = 8
"""Levels 0..7 of the matrix: trees of up to eight generations (arXiv:2208.14924)."""


class SimulationConfig(Config):
    """Decays of one particle at rest: random topologies, Raubold-Lynch phase space, detector."""

    root_mass: float = option(100.0, "Mass of the decaying particle.", "GeV", gt=0)
    intermediate_masses: list[float] = option(lambda: [90.0, 80.0, 70.0, 50.0, 25.0, 20.0, 10.0], "Masses of intermediate particles, drawn with replacement.", "GeV")
    leaf_masses: list[float] = option(lambda: [1.0, 2.0, 3.0, 5.0, 12.0], "Masses of final-state particles, drawn with replacement.", "GeV")
    min_children: int = option(2, "Fewest children of a node.", ge=2)
    max_children: int = option(5, "Most children of a node.", ge=2)
    max_depth: int = option(8, "Most generations, the root among them.", ge=2, le=N_CLASSES)
    intermediate_weight: float = option(1.0, "Weight of intermediate against final-state masses when a child is drawn.", "", ge=0)
    subtract_cumulative_mass: bool = option(True, "Subtract the running sum of the children's masses for every child, as the published generator does; it makes smaller trees.")
    topologies: Literal["known", "unknown"] = option("known", "Draw events of the known topologies, or of as many others that share no canonical form with them.")
    topology_file: str | None = option(None, "YAML file of topologies; null generates them from `topology_seed`.")
    topology_seed: int = option(2208, "Seed of the list of topologies alone.")
    n_topologies: int = option(200, "Number of topologies.", ge=1)
    min_leaves: int = option(2, "Fewest leaves of a topology.", ge=2)
    max_leaves: int = option(10, "Most leaves of a topology.", ge=2)
    unweight: bool = option(False, "Accept events by their phase-space weight; the published data are not.")
    shuffle_leaves: bool = option(True, "Put the leaves of each event in random order.")
    smearing: float = option(0.0, "Relative Gaussian width of the measured momentum; direction kept, energy from the particle hypothesis.", "", ge=0)
    wrong_hypothesis: float = option(0.0, "Probability that a leaf's energy is computed with another leaf mass.", "", ge=0, le=1)
    lost_leaves: float = option(0.0, "Probability that a leaf is not seen; nodes left with one child are contracted.", "", ge=0, lt=1)

    @model_validator(mode="after")
    def _ranges(self) -> SimulationConfig:
        if self.max_children < self.min_children:
            raise ValueError("simulation.max_children is smaller than simulation.min_children")
        if self.max_leaves < self.min_leaves:
            raise ValueError("simulation.max_leaves is smaller than simulation.min_leaves")
        if any(m <= 0 for m in [*self.intermediate_masses, *self.leaf_masses]):
            raise ValueError("simulation: masses must be positive")
        return self


class DataConfig(Config):
    """What is read besides the four-momenta."""

    features: list[str] = option(list, "Further leaf branches given to the network (standardised).")
    weight: str | None = option(None, "Branch with event weights for the loss of the training.")


class ModelConfig(Config):
    """The network."""

    name: Literal["transformer"] = option("transformer", "Network.")
    width: int = option(64, "Width of a leaf's state.", ge=8)
    pair_width: int = option(32, "Width of a pair's state.", ge=4)
    blocks: int = option(3, "Attention blocks.", ge=1)
    heads: int = option(4, "Attention heads.", ge=1)
    dropout: float = option(0.0, "Dropout in the blocks.", "", ge=0, lt=1)
    scales: int = option(13, "Octaves of the Fourier features of a mass.", ge=1)
    finest_scale: float = option(0.03125, "Shortest period of the Fourier features of a mass.", "GeV", gt=0)
    clades: bool = option(True, "Also score sets of leaves as whole nodes, by their invariant mass and content.")
    clade_width: int = option(32, "Width of the hidden layers that score sets of leaves.", ge=4)
    clade_max_leaves: int = option(12, "Largest event for which all sets of leaves are scored.", ge=2, le=12)
    loss: Literal["cross-entropy", "focal"] = option("cross-entropy", "Loss of the matrix elements.")
    focal_gamma: float = option(2.0, "Exponent of the focal loss, applied to each element.", "", ge=0)
    clade_loss_weight: float = option(1.0, "Weight of the loss of the sets of leaves.", "", ge=0)

    @model_validator(mode="after")
    def _heads_divide(self) -> ModelConfig:
        if self.width % self.heads:
            raise ValueError("model.width must be a multiple of model.heads")
        return self


class MasslineConfig(Config):
    """The classical engine that looks for sets of leaves on known masses."""

    masses: list[float] = option(list, "Known masses; empty takes those of the simulation.", "GeV")
    width: float = option(1e-3, "Resolution of a leaf's momentum, relative.", "", gt=0)
    floor: float = option(1e-4, "Smallest resolution of a mass.", "GeV", gt=0)


class ApplyConfig(Config):
    """How network output becomes trees."""

    decode: Literal["exact", "argmax"] = option("exact", "`exact` maximises the score over all valid trees; `argmax` takes each matrix element alone.")
    exact_max_leaves: int = option(12, "Largest event decoded exactly; larger ones take a bounded search.", ge=2, le=12)
    beam_width: int = option(32, "Width of the bounded search.", ge=1)
    batch_size: int = option(256, "Events per forward pass.", ge=1)
    massline: MasslineConfig = option(MasslineConfig, "Options of the engine `massline`.")


class LcagConfig(Config):
    """All options of the task `lcag`."""

    simulation: SimulationConfig = option(SimulationConfig, "Simulated data.")
    data: DataConfig = option(DataConfig, "Input.")
    model: ModelConfig = option(ModelConfig, "Network.")
    training: TrainingConfig = option(TrainingConfig, "Training.")
    apply: ApplyConfig = option(ApplyConfig, "Applying.")
