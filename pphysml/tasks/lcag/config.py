"""Options of the task `lcag`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import model_validator

from ...config import Config, option
from ...io.schema import Kind
from ...training.config import TrainingConfig
from .rules import Rules
from .schema import LAYOUTS

N_CLASSES = 8
"""Levels 0..7 of the matrix: trees of up to eight generations (arXiv:2208.14924)."""

STAGES = [[111, 443], [310], [411, 421, 431], [413, 423, 433], [511, 521], [300553]]
"""Particles of the classes 1, 2, ... at Belle II: light, K0S, D, D*, B, Y(4S) (graFEI, arXiv:2503.09401)."""


VERTEXING = ("doca", "vertex_distance", "vertex_rho")
"""Features of pairs that are computed from points on tracks."""


class SimulationConfig(Config):
    """Decays of one particle at rest: random topologies, Raubold-Lynch phase space, detector."""

    root_mass: float = option(100.0, "Mass of the decaying particle.", "GeV", gt=0)
    intermediate_masses: list[float] = option(lambda: [90.0, 80.0, 70.0, 50.0, 25.0, 20.0, 10.0], "Masses of intermediate particles, drawn with replacement.", "GeV")
    leaf_masses: list[float] = option(lambda: [1.0, 2.0, 3.0, 5.0, 12.0], "Masses of final-state particles, drawn with replacement.", "GeV")
    leaf_pdg: list[int] = option(list, "PDG id that stands for each of leaf_masses: writes the true one of each leaf, for data.hypotheses.")
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
    trees_per_event: int = option(1, "Decays in one event.", ge=1)
    root_momentum: float = option(0.0, "Gaussian width of each momentum component of the decaying particles.", "GeV", ge=0)
    background_leaves: float = option(0.0, "Mean share of leaves that belong to no tree: particles of other events, turned at random.", "", ge=0, lt=1)

    @property
    def makes_forests(self) -> bool:
        """Whether events hold anything but one tree."""
        return self.trees_per_event > 1 or self.background_leaves > 0

    @model_validator(mode="after")
    def _ranges(self) -> SimulationConfig:
        if self.max_children < self.min_children:
            raise ValueError("simulation.max_children is smaller than simulation.min_children")
        if self.max_leaves < self.min_leaves:
            raise ValueError("simulation.max_leaves is smaller than simulation.min_leaves")
        if self.leaf_pdg and len(self.leaf_pdg) != len(self.leaf_masses):
            raise ValueError("simulation.leaf_pdg must have as many entries as simulation.leaf_masses")
        if any(m <= 0 for m in [*self.intermediate_masses, *self.leaf_masses]):
            raise ValueError("simulation: masses must be positive")
        return self


class DataConfig(Config):
    """What an event is, and what is read besides the four-momenta."""

    forest: bool = option(False, "Events may hold several trees, and leaves that belong to none.")
    classes: Literal["generations", "stages"] = option("generations", "What the matrix holds of the lowest common ancestor: its height in the tree, or the class of its particle.")
    pdg_classes: list[list[int]] = option(lambda: STAGES, "For stages: absolute PDG ids of the particles of class 1, 2, ...; a node of another particle, or of a higher class than a node above it, is merged with the next node above.")
    ancestors: list[int] | None = option(None, "For generations: absolute PDG ids of the particles that count as nodes; null counts all.")
    charged_mass: float | None = option(None, "Mass hypothesis of charged leaves in files with neither energies nor masses; null refuses such files.", "GeV", ge=0)
    neutral_mass: float = option(0.0, "Mass hypothesis of neutral leaves in these files.", "GeV", ge=0)
    hypotheses: list[int] = option(list, "Absolute PDG ids of the mass hypotheses among which the network chooses one for each leaf, or none of them; truth from `leaf_pdg` or `node_pdg`.")
    features: list[str] = option(list, "Further leaf branches given to the network (standardised).")
    pair_features: list[str] = option(list, "Features of pairs of leaves given to the network (standardised): branches of n x n values, row after row; or `doca`, `vertex_distance`, `vertex_rho`, of `track_points`: logarithms of the tracks' distance of closest approach, and of their vertex's distance from the origin and from the z axis.")
    track_points: list[str] = option(list, "Three leaf branches: x, y, z of a point on each track, which is taken as straight there.")
    weight: str | None = option(None, "Branch with event weights for the loss of the training.")

    def extra_branches(self) -> dict[str, Kind]:
        """Return the branches of leaves and of pairs of leaves that become inputs of the network."""
        computed = set(self.pair_features) & set(VERTEXING)
        leaves = [*self.features, *(self.track_points if computed else [])]
        return {**dict.fromkeys(leaves, "particle"),
                **dict.fromkeys((name for name in self.pair_features if name not in computed), "pair")}

    @property
    def rules(self) -> Rules:
        """What a valid matrix is."""
        return Rules(self.forest, gap_free=self.classes == "generations")

    @property
    def highest(self) -> int:
        """Highest level that the matrix may hold."""
        return N_CLASSES - 1 if self.classes == "generations" else len(self.pdg_classes)

    @model_validator(mode="after")
    def _particles(self) -> DataConfig:
        listed = [pdg for ids in self.pdg_classes for pdg in ids]
        if not 0 < len(self.pdg_classes) < N_CLASSES:
            raise ValueError(f"data.pdg_classes must have 1 to {N_CLASSES - 1} classes")
        if any(pdg <= 0 for pdg in [*listed, *(self.ancestors or [])]):
            raise ValueError("data.pdg_classes and data.ancestors: PDG ids must be positive; they hold for particle and antiparticle")
        if any(pdg <= 0 for pdg in self.hypotheses) or len(set(self.hypotheses)) < len(self.hypotheses):
            raise ValueError("data.hypotheses: PDG ids must be positive, and each there once")
        if len(set(listed)) < len(listed):
            raise ValueError("data.pdg_classes: a PDG id is in it twice")
        if self.ancestors is not None and self.classes == "stages":
            raise ValueError("data.ancestors is for data.classes=generations; of stages, data.pdg_classes says which particles count")
        return self


    @model_validator(mode="after")
    def _pairs(self) -> DataConfig:
        if self.track_points and len(self.track_points) != 3:
            raise ValueError("data.track_points must name three branches: x, y and z")
        truth = {f.name for layout in LAYOUTS for f in layout.fields if f.truth}
        for name in self.pair_features:
            if name in VERTEXING and not self.track_points:
                raise ValueError(f"data.pair_features: {name!r} is computed, and needs data.track_points; to read a branch "
                                 f"of that name give it another, as in --map pair_{name}={name}")
            if name in truth:
                raise ValueError(f"data.pair_features: {name!r} is truth")
            if self.pair_features.count(name) > 1 or name in self.features + self.track_points:
                raise ValueError(f"data.pair_features: {name!r} is there twice, or is a branch of leaves")
        return self


class ModelConfig(Config):
    """The network."""

    name: Literal["transformer", "nri", "paper-transformer", "paper-nri"] = option("transformer", "Network: attention or neural relational inference; `paper-` as published with arXiv:2208.14924.")
    inputs: Literal["invariants", "four-vectors"] = option("invariants", "Masses, energies and what pairs look like; or px, py, pz, E alone, divided by 20 GeV (as they are in the `paper-` networks).")
    published_defects: bool = option(False, "Keep the defects of the published code in the `paper-` networks: attention to padding, batch statistics over padding and self-pairs, focal factor of the batch mean.")
    width: int = option(64, "Width of a leaf's state.", ge=8)
    pair_width: int = option(32, "Width of a pair's state.", ge=4)
    blocks: int = option(3, "Blocks: rounds between leaves and pairs.", ge=1)
    heads: int = option(4, "Attention heads.", ge=1)
    dropout: float = option(0.0, "Dropout in the blocks.", "", ge=0, lt=1)
    scales: int = option(13, "Octaves of the Fourier features of a mass.", ge=1)
    finest_scale: float = option(0.03125, "Shortest period of the Fourier features of a mass.", "GeV", gt=0)
    frame: Literal["event", "input"] = option("event", "Frame of the leaves' energies: the rest frame of all leaves together, or that of the input.")
    per_octave: int = option(1, "Fourier features of a mass in each octave.", ge=1)
    resolution: float = option(0.0, "Relative resolution of a leaf's momentum from which the network starts to learn that of the masses of sets of leaves; 0 takes masses as exact.", "", ge=0)
    spectra: int = option(8, "Mass spectra of nodes that are learned; only with `resolution`.", ge=1)
    spectrum_bins: int = option(1024, "Bins of these spectra.", ge=8)
    spectrum_range: float = option(128.0, "Upper end of these spectra.", "GeV", gt=0)
    clades: bool = option(True, "Also score sets of leaves as whole nodes, by their invariant mass and content.")
    clade_width: int = option(32, "Width of the hidden layers that score sets of leaves.", ge=4)
    clade_max_leaves: int = option(12, "Largest event for which all sets of leaves are scored.", ge=2, le=12)
    sampled_sets: int = option(0, "Sets of leaves that a training step looks at besides true nodes, drawn at random for each event; 0 takes all.", ge=0)
    loss: Literal["cross-entropy", "focal"] = option("cross-entropy", "Loss of the matrix elements.")
    focal_gamma: float = option(2.0, "Exponent of the focal loss, applied to each element.", "", ge=0)
    clade_loss_weight: float = option(1.0, "Weight of the loss of the sets of leaves, of background leaves and of whole trees, each by itself.", "", ge=0)
    tree_loss_weight: float = option(0.0, "Weight of the loss of the event's tree among all valid ones; pairs then have no part in decoding where sets of leaves are scored.", "", ge=0)

    @property
    def is_paper(self) -> bool:
        """Whether the network is one of arXiv:2208.14924."""
        return self.name.startswith("paper-")

    @model_validator(mode="after")
    def _heads_divide(self) -> ModelConfig:
        if self.name.endswith("transformer") and self.width % self.heads:
            raise ValueError("model.width must be a multiple of model.heads")
        return self

    @model_validator(mode="after")
    def _fits_the_network(self) -> ModelConfig:
        if self.is_paper and self.clades:
            raise ValueError(f"the network {self.name} scores pairs only: set model.clades=false, or take the preset {self.name}")
        if self.published_defects and not self.is_paper:
            raise ValueError("model.published_defects is for the networks paper-transformer and paper-nri")
        if self.resolution > 0 and self.inputs == "four-vectors":
            raise ValueError("model.resolution is that of masses, which model.inputs=four-vectors does not show")
        return self


class MasslineConfig(Config):
    """The classical engine that looks for sets of leaves on known masses."""

    masses: list[float] = option(list, "Known masses; empty takes those of the simulation.", "GeV")
    width: float = option(1e-3, "Resolution of a leaf's momentum, relative.", "", gt=0)
    floor: float = option(1e-4, "Smallest resolution of a mass.", "GeV", gt=0)
    background: float = option(0.1, "Prior probability of a leaf to belong to no tree; for data.forest only.", "", gt=0, lt=1)
    at_rest: bool = option(False, "The decaying particles are at rest; for data.forest only.")
    outliers: float = option(0.0, "Probability that a node's mass is not what it should be, for wrong hypotheses of leaves.", "", ge=0, lt=1)
    node: float = option(0.0, "Added to the score of every node: above 0 favours trees of many nodes.")


class CombinerConfig(Config):
    """The classical engine that merges combinations on known masses, best first; for data.forest only."""

    masses: list[float] = option(list, "Known masses besides the root's; empty takes those of the simulation.", "GeV")
    width: float = option(0.015, "Resolution of a leaf's momentum, relative.", "", gt=0)
    floor: float = option(1e-3, "Smallest resolution of a mass.", "GeV", gt=0)
    window: float = option(2.0, "Largest distance from a known mass, in resolutions.", "", gt=0)
    max_angle: float = option(180.0, "Largest angle between a child and its parent; 180 cuts nothing.", "degrees", gt=0, le=180)
    order: Literal["chi2", "score", "leaves", "mass"] = option("score", "What is merged first: the best chi2 or likelihood ratio, the fewest leaves or the smallest known mass (of equals, the best likelihood ratio).")
    max_children: int = option(5, "Most children of a node.", ge=2)
    max_combinations: int = option(1_000_000, "Where an event has more combinations of its leaves, fewer children are tried.", ge=1)
    keep_partial: bool = option(False, "Keep trees that do not reach the root's mass; else their leaves are background.")


class ApplyConfig(Config):
    """How network output becomes trees."""

    decode: Literal["exact", "argmax"] = option("exact", "`exact` maximises the score over all valid trees; `argmax` takes each matrix element alone.")
    exact_max_leaves: int = option(12, "Largest event decoded exactly; larger ones take a bounded search.", ge=2, le=12)
    search_rounds: int = option(8, "Rounds of improvement in the bounded search.", ge=1)
    batch_size: int = option(256, "Events per forward pass.", ge=1)
    match: str | None = option(None, "Decay string or YAML file of a decay that is searched for in the decoded trees; see --match.")
    match_tolerance: float = option(0.01, "Largest difference between a leaf's mass and that of its label in `match`; charges are compared where there is a leaf branch `charge`.", "GeV", gt=0)
    match_window: float | None = option(None, "The same for the other nodes of `match`; null does not compare their masses.", "GeV", gt=0)
    match_conjugate: bool = option(True, "Where the leaves have charges: the decay of the antiparticles, with all charges of `match` reversed, is found too.")
    signal_side: str | None = option(None, "Branch that is not 0 for the leaves of a signal side that is known: the rest of the event is reconstructed, and evaluated.")
    massline: MasslineConfig = option(MasslineConfig, "Options of the engine `massline`.")
    combiner: CombinerConfig = option(CombinerConfig, "Options of the engine `combiner`.")

    def extra_branches(self) -> dict[str, Kind]:
        """Return the branch of the signal side, if there is one."""
        return {} if self.signal_side is None else {self.signal_side: "particle"}

    @model_validator(mode="before")
    @classmethod
    def _older(cls, values: Any) -> Any:
        """Take the options of models of version 0.1, whose search had a beam instead of rounds."""
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if name != "beam_width"}
        return values


class LcagConfig(Config):
    """All options of the task `lcag`."""

    simulation: SimulationConfig = option(SimulationConfig, "Simulated data.")
    data: DataConfig = option(DataConfig, "Input.")
    model: ModelConfig = option(ModelConfig, "Network.")
    training: TrainingConfig = option(TrainingConfig, "Training.")
    apply: ApplyConfig = option(ApplyConfig, "Applying.")

    @model_validator(mode="after")
    def _forests(self) -> LcagConfig:
        if self.simulation.makes_forests and not self.data.forest:
            raise ValueError("simulation.trees_per_event and simulation.background_leaves need data.forest=true")
        if self.data.hypotheses and self.model.is_paper:
            raise ValueError(f"data.hypotheses needs the network transformer or nri: {self.model.name} has no output for them")
        if self.data.pair_features and self.model.is_paper:
            raise ValueError(f"data.pair_features needs the network transformer or nri: {self.model.name} takes leaves only")
        if self.data.forest and self.model.is_paper:
            raise ValueError(f"data.forest=true needs the network transformer or nri: {self.model.name} has no output for leaves of no tree")
        return self
