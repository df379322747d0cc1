"""What a network takes of jets as tensors: numbers of each jet, or the constituents of all of them one after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ....contract import Batch
from ....io.ragged import Array, Columns, ragged
from ..config import JetsConfig
from ..constituents.features import particle_inputs
from ..constituents.table import TABLE
from ..particle_schema import MOMENTA
from .inputs import inputs_of
from .particle_ranges import scales_of


class Packed(NamedTuple):
    """Constituents of jets, those of each jet by falling transverse momentum.

    Attributes:
        particles: inputs of each constituent, float32 (P, F).
        vectors: px, py, pz and energy of each, GeV, float32 (P, 4).
        offsets: where those of each jet begin, int64 (B + 1,); a jet may have none.
        jets: inputs of each jet, (B, J); None without any.
    """

    particles: Tensor
    vectors: Tensor
    offsets: Tensor
    jets: Tensor | None


Inputs = Tensor | Packed


class OfConstituents(nn.Module):
    """A network of constituents as one of a single argument.

    Args:
        network: particles, vectors, offsets and inputs of jets, as in `Packed`, to (B, classes).
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Packed) -> Tensor:
        """Return logarithms of probabilities up to a constant, (B, classes)."""
        logits: Tensor = self.network(*inputs)
        return logits


def input_tensors(examples: Columns, config: JetsConfig, prepared: Mapping[str, Array], resonance_mass: Array | None) -> Batch:
    """Return what the network takes by names, of which `inputs_in` makes its argument."""
    of_jets = torch.from_numpy(inputs_of(examples, config, prepared, resonance_mass))
    if not config.model.takes_constituents:
        return {"inputs": of_jets}
    table = ragged(examples, TABLE)
    particles = particle_inputs(examples, table, config.particle_columns, scales_of(prepared))
    found = {"particles": particles, "vectors": np.ascontiguousarray(table.flat[:, : len(MOMENTA)]), "offsets": table.offsets.astype(np.int64, copy=False)}
    return {**{name: torch.from_numpy(values) for name, values in found.items()}, **({"inputs": of_jets} if of_jets.shape[1] else {})}


def inputs_in(tensors: Mapping[str, Tensor]) -> Inputs:
    """Return the network's argument from `input_tensors`, among others."""
    if "particles" not in tensors:
        return tensors["inputs"]
    return Packed(tensors["particles"], tensors["vectors"], tensors["offsets"], tensors.get("inputs"))
