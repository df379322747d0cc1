"""Options of simulated decays."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from ....config import Config, option
from ..trees.validity_rules import N_CLASSES


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
