"""Types of constituents by their PDG ids, where files have no flags."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged
from ..particle_schema import FLAGS

ELECTRON, MUON = 11, 13
PHOTONS = (22, 2)
"""CMS gives electromagnetic energy of its forward calorimeter the number 2, hadronic 1."""


def with_flags(chunk: Columns, wanted: Collection[str]) -> Columns:
    """Return columns with the wanted flags, 1 or 0, of which the file has PDG ids alone."""
    lacking = [k for k, flag in enumerate(FLAGS) if flag.name in wanted and flag.name not in chunk]
    if not lacking or "part_pdg" not in chunk or "part_charge" not in chunk:
        return chunk
    pdg = ragged(chunk, "part_pdg")
    which = kinds(pdg.flat, ragged(chunk, "part_charge").flat)
    return {**chunk, **{FLAGS[k].name: Ragged((which == k).astype(np.float32), pdg.offsets) for k in lacking}}


def kinds(pdg: Array, charge: Array) -> Array:
    """Return the number among `particle_schema.KINDS` of each constituent: of what is neither photon nor lepton, a hadron by its charge."""
    number = np.abs(pdg)
    return np.select([number == ELECTRON, number == MUON, np.isin(number, PHOTONS)], [3, 4, 2], np.where(charge != 0, 0, 1))
