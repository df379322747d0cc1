"""Slices of singles to what the coincidence neurons take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .....io.ragged import Array, Columns
from ...coincidences.candidates import Candidates, candidates
from .line_classes import LineClasses
from .scanners import crystals_of


class Inputs(NamedTuple):
    """Pairs of spikes: arguments of `CoincidenceNetwork.membrane`."""

    dt: Tensor
    first: Tensor
    second: Tensor
    step: Tensor
    rings: Tensor


def crystal_pairs(examples: Columns, lines: LineClasses, reach: float, offset: float = 0.0) -> tuple[Candidates, Array]:
    """Return the candidate pairs of singles in known crystals, and the crystal of every single, -1 for none.

    Args:
        reach: largest difference of the measured times, ps; offset: of the delayed window.
    """
    crystal = crystals_of(examples, lines.scanner)
    pairs = candidates(examples, reach, offset)
    a, b = crystal[pairs.first], crystal[pairs.second]
    kept = (a >= 0) & (b >= 0) & (a != b)
    return Candidates(*(column[kept] for column in pairs)), crystal


def inputs_of(pairs: Candidates, crystal: Array, lines: LineClasses, unit: float) -> Inputs:
    """Return the tensors of pairs; `unit` is the network's unit of time, ps."""
    a, b = crystal[pairs.first], crystal[pairs.second]
    dt = torch.from_numpy((pairs.dt / unit).astype(np.float32))
    return Inputs(dt, torch.from_numpy(a), torch.from_numpy(b), *map(torch.from_numpy, lines.of(a, b)))
