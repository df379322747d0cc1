"""Options of the task `showers`."""

from __future__ import annotations

from pphysml.config import Config, option
from pphysml.training.config import InputConfig, TaskConfig


class DataConfig(InputConfig):
    """What is told apart."""

    classes: list[str] = option(lambda: ["photon", "pion"], "Particles that are told apart.")
    importance: str | None = option(None, "Branch with the weights of events.")

    @property
    def weight_branch(self) -> str | None:
        """The branch that holds the event weights."""
        return self.importance


class ModelConfig(Config):
    """The network."""

    against_energy: bool = option(False, "Whether an adversary keeps the scores from showing the energy.")


class ApplyConfig(Config):
    """Which showers are taken."""

    min_energy: float = option(0.0, "Smallest energy of a shower; see --min-energy.", "GeV", ge=0)


class ShowersConfig(TaskConfig):
    """All options of the task `showers`."""

    data: DataConfig = option(DataConfig, "Input.")
    model: ModelConfig = option(ModelConfig, "Network.")
    apply: ApplyConfig = option(ApplyConfig, "Applying.")
