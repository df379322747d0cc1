"""Options of the networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import model_validator

from ....config import Config, option
from ....own_network import is_own, or_own

Network = Literal["transformer", "nri", "paper-transformer", "paper-nri"]


class ModelConfig(Config):
    """The network."""

    name: Annotated[Network | str, *or_own(Network)] = option("transformer", "Network: attention or neural relational inference; `paper-` as published with arXiv:2208.14924; or one of your own, FILE.py:CLASS.")
    inputs: Literal["invariants", "four-vectors"] = option("invariants", "Masses, energies and what pairs look like; or px, py, pz, E alone, divided by 20 GeV (as they are in the `paper-` networks).")
    published_defects: bool = option(False, "Keep the defects of the published code in the `paper-` networks: attention to padding, batch statistics over padding and self-pairs, focal factor of the batch mean.")
    width: int = option(64, "Width of a leaf's state.", ge=8, le=8192)
    pair_width: int = option(32, "Width of a pair's state.", ge=4, le=8192)
    blocks: int = option(3, "Blocks: rounds between leaves and pairs.", ge=1, le=200)
    heads: int = option(4, "Attention heads.", ge=1, le=512)
    dropout: float = option(0.0, "Dropout in the blocks.", "", ge=0, lt=1)
    scales: int = option(13, "Octaves of the Fourier features of a mass.", ge=1, le=64)
    finest_scale: float = option(0.03125, "Shortest period of the Fourier features of a mass.", "GeV", gt=0)
    frame: Literal["event", "input"] = option("event", "Frame of the leaves' energies: the rest frame of all leaves together, or that of the input.")
    per_octave: int = option(1, "Fourier features of a mass in each octave.", ge=1, le=64)
    resolution: float = option(0.0, "Relative resolution of a leaf's momentum from which the network starts to learn that of the masses of sets of leaves; 0 takes masses as exact.", "", ge=0)
    spectra: int = option(8, "Mass spectra of nodes that are learned; only with `resolution`.", ge=1, le=1024)
    spectrum_bins: int = option(1024, "Bins of these spectra.", ge=8, le=65536)
    spectrum_range: float = option(128.0, "Upper end of these spectra.", "GeV", gt=0)
    clades: bool = option(True, "Also score sets of leaves as whole nodes, by their invariant mass and content.")
    clade_width: int = option(32, "Width of the hidden layers that score sets of leaves.", ge=4, le=8192)
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

    @property
    def pairs_only(self) -> bool:
        """Whether the network scores pairs of leaves, and nothing else."""
        return self.is_paper or is_own(self.name)

    @model_validator(mode="after")
    def _heads_divide(self) -> ModelConfig:
        if self.name in ("transformer", "paper-transformer") and self.width % self.heads:
            raise ValueError("model.width must be a multiple of model.heads")
        return self

    @model_validator(mode="after")
    def _fits_the_network(self) -> ModelConfig:
        if self.pairs_only and self.clades:
            preset = f", or take the preset {self.name}" if self.is_paper else ""
            raise ValueError(f"the network {self.name} scores pairs only: set model.clades=false{preset}")
        if self.published_defects and not self.is_paper:
            raise ValueError("model.published_defects is for the networks paper-transformer and paper-nri")
        if self.resolution > 0 and self.inputs == "four-vectors":
            raise ValueError("model.resolution is that of masses, which model.inputs=four-vectors does not show")
        return self
