"""Options of the task `lcag`."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import model_validator

from ....config import Config, option
from ....io.schema import Field, Further
from ....training.config import InputConfig, TaskConfig, TrainingConfig
from ..schema import LAYOUTS, LOWEST
from ..trees.validity_rules import N_CLASSES, ValidityRules
from .engines import CombinerConfig, MasslineConfig
from .model import ModelConfig
from .simulation import SimulationConfig

STAGES = [[111, 443], [310], [411, 421, 431], [413, 423, 433], [511, 521], [300553]]
"""Particles of the classes 1, 2, ... at Belle II: light, K0S, D, D*, B, Y(4S) (graFEI, arXiv:2503.09401)."""


VERTEXING = ("doca", "vertex_distance", "vertex_rho")
"""Features of pairs that are computed from points on tracks."""


class DataConfig(InputConfig):
    """What an event is, and what is read besides the four-momenta."""

    changeable: ClassVar[tuple[str, ...]] = ("map", "pid", "particle", "charged_mass", "neutral_mass", "max_leaves")

    forest: bool = option(False, "Events may hold several trees, and leaves that belong to none.")
    classes: Literal["generations", "stages"] = option("generations", "What the matrix holds of the lowest common ancestor: its height in the tree, or the class of its particle.")
    pdg_classes: list[list[int]] = option(lambda: STAGES, "For stages: absolute PDG ids of the particles of class 1, 2, ...; a node of another particle, or of a higher class than a node above it, is merged with the next node above.")
    ancestors: list[int] | None = option(None, "For generations: absolute PDG ids of the particles that count as nodes; null counts all.")
    pid: dict[str, str] = option(dict, "Particle -> leaf branch that grows with how much a leaf looks like it, as {e-: electronID, mu-: muonID, pi+: pionID, K+: kaonID, p+: protonID}: each leaf is taken for the one with the largest value (of equal ones the first), for energies that are not given, and for --match; where all are NaN, for none. Where charges are known, charged leaves are taken for charged particles only.")
    particle: str | None = option(None, "Particle that leaves are taken for in files with neither energies nor masses, by name, as pi+, where the files do not say which they are.")
    charged_mass: float | None = option(None, "Mass hypothesis of charged leaves in these files; null refuses them.", "GeV", ge=0)
    neutral_mass: float = option(0.0, "Mass hypothesis of neutral leaves in these files, and of leaves without any value of `pid`.", "GeV", ge=0)
    hypotheses: list[int] = option(list, "Absolute PDG ids of the mass hypotheses among which the network chooses one for each leaf, or none of them; truth from `leaf_pdg` or `node_pdg`.")
    max_leaves: int = option(1000, "Largest event that is read; larger ones are refused by their entry. One of 1000 leaves takes the network about 6 s of a core and 0.6 GB; time and memory grow with the square.", ge=2)
    max_batch_pairs: int = option(4_000_000, "Most pairs of leaves in a batch of the training: training.batch_size times the square of the leaves of its largest event; larger events are refused. A million takes the default network about 3.3 GB and 4 s of a core.", ge=1)
    features: list[str] = option(list, "Further leaf branches given to the network (standardised).")
    pair_features: list[str] = option(list, "Features of pairs of leaves given to the network (standardised): branches of n x n values, row after row; or `doca`, `vertex_distance`, `vertex_rho`, of `track_points`: logarithms of the tracks' distance of closest approach, and of their vertex's distance from the origin and from the z axis.")
    track_points: list[str] = option(list, "Three leaf branches: x, y, z of a point on each track, which is taken as straight there.")
    weight: str | None = option(None, "Branch with event weights for the loss of the training.")

    def extra_branches(self) -> dict[str, Further]:
        """Return the branches of leaves and of pairs of leaves that become inputs of the network."""
        computed = set(self.pair_features) & set(VERTEXING)
        leaves = [*self.features, *(self.track_points if computed else [])]
        return {**dict.fromkeys(leaves, "particle"),
                **dict.fromkeys((name for name in self.pair_features if name not in computed), "pair"),
                **{name: Field(name, "particle", "float64", "Looks of a leaf.", aliases=(branch,), missing=LOWEST)
                   for name, branch in zip(self.pid_columns, self.pid.values(), strict=True)}}

    @property
    def pid_columns(self) -> list[str]:
        """The columns in which the branches of `pid` are read, which may be features as well."""
        return [f"pid:{particle}" for particle in self.pid]

    @property
    def weight_branch(self) -> str | None:
        """The branch that holds the event weights for the training."""
        return self.weight

    @property
    def rules(self) -> ValidityRules:
        """What a valid matrix is."""
        return ValidityRules(self.forest, gap_free=self.classes == "generations")

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
    def _names(self) -> DataConfig:
        """Refuse names of particles that there are not, by the error that gives the nearest ones."""
        if not self.pid and self.particle is None:
            return self
        from ....physics.particle_masses import particle_charge, particle_mass, particle_number

        for name in self.pid:
            particle_mass(name), particle_charge(name)
        if self.particle is not None:
            particle_mass(self.particle)
        numbers = [abs(particle_number(name)) for name in self.pid]
        if len(set(numbers)) < len(numbers):
            raise ValueError("data.pid: a particle is in it twice; it stands for its antiparticle, too")
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


class ApplyConfig(Config):
    """How network output becomes trees."""

    decode: Literal["exact", "argmax"] = option("exact", "`exact` maximises the score over all valid trees; `argmax` takes each matrix element alone.")
    exact_max_leaves: int = option(12, "Largest event decoded exactly; larger ones take a bounded search.", ge=2, le=12)
    search_rounds: int = option(8, "Rounds of improvement in the bounded search.", ge=1)
    batch_size: int = option(256, "Events per forward pass.", ge=1)
    match: str | None = option(None, "Decay string or YAML file of a decay that is searched for in the decoded trees; leaves that it names as particles are compared with the hypotheses of the input (`assumed_pdg`, data.pid), else with those of the network (data.hypotheses), else by their masses; see --match.")
    match_tolerance: float = option(0.01, "Largest difference between a leaf's mass and that of its label in `match`; charges are compared where there is a leaf branch `charge`.", "GeV", gt=0)
    match_window: float | None = option(None, "The same for the other nodes of `match`; null does not compare their masses.", "GeV", gt=0)
    match_conjugate: bool = option(True, "Where the leaves have charges: the decay of the antiparticles, with all charges of `match` reversed, is found too.")
    signal_side: str | None = option(None, "Branch that is not 0 for the leaves of a signal side that is known: the rest of the event is reconstructed, and evaluated.")
    massline: MasslineConfig = option(MasslineConfig, "Options of the engine `massline`.")
    combiner: CombinerConfig = option(CombinerConfig, "Options of the engine `combiner`.")

    def extra_branches(self) -> dict[str, Further]:
        """Return the branch of the signal side, if there is one."""
        return {} if self.signal_side is None else {self.signal_side: "particle"}

    @model_validator(mode="before")
    @classmethod
    def _older(cls, values: Any) -> Any:
        """Take the options of models of version 0.1, whose search had a beam instead of rounds."""
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if name != "beam_width"}
        return values


class LcagConfig(TaskConfig):
    """All options of the task `lcag`."""

    simulation: SimulationConfig = option(SimulationConfig, "Simulated data.")
    data: DataConfig = option(DataConfig, "Input.")
    model: ModelConfig = option(ModelConfig, "Network.")
    training: TrainingConfig = option(TrainingConfig, "Training.")
    apply: ApplyConfig = option(ApplyConfig, "Applying.")

    @property
    def n_inputs(self) -> int:
        """Numbers per leaf that networks take: masses, energies and the like or four-vectors, and `data.features`."""
        model = self.model
        own = 4 if model.inputs == "four-vectors" else 2 * model.scales * model.per_octave + 5
        return own + len(self.data.features)

    @property
    def n_classes(self) -> int:
        """Classes of a matrix element."""
        return N_CLASSES

    @model_validator(mode="after")
    def _forests(self) -> LcagConfig:
        if self.simulation.makes_forests and not self.data.forest:
            raise ValueError("simulation.trees_per_event and simulation.background_leaves need data.forest=true")
        if self.data.hypotheses and self.model.pairs_only:
            raise ValueError(f"data.hypotheses needs the network transformer or nri: {self.model.name} has no output for them")
        if self.data.pair_features and self.model.pairs_only:
            raise ValueError(f"data.pair_features needs the network transformer or nri: {self.model.name} takes leaves only")
        if self.data.forest and self.model.pairs_only:
            raise ValueError(f"data.forest=true needs the network transformer or nri: {self.model.name} has no output for leaves of no tree")
        return self
