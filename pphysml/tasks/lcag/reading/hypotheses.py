"""Which particle the input takes each leaf for: its PDG id, or the largest of several identification branches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, ragged
from ....physics.particle_masses import mass_of_number, particle_charge, particle_number
from ..config import DataConfig
from ..schema import LOWEST


@dataclass(frozen=True)
class Hypotheses:
    """What leaves are taken for.

    Attributes:
        ids: absolute PDG id of each leaf, 0 for none, int64.
        branch: column that holds them; None where they are the largest of `data.pid`.
    """

    ids: Ragged
    branch: str | None = None


def given_hypotheses(chunk: Columns, options: DataConfig) -> Hypotheses | None:
    """Return the hypotheses of the input: `assumed_pdg` if it is there, else by `data.pid`; None if there are none."""
    if "assumed_pdg" in chunk:
        column = ragged(chunk, "assumed_pdg")
        return Hypotheses(Ragged(np.abs(column.flat.astype(np.int64)), column.offsets), "assumed_pdg")
    return Hypotheses(_largest(chunk, options)) if options.pid else None


def hypothesis_masses(chunk: Columns, given: Hypotheses) -> Array:
    """Return the mass in GeV of each leaf, 0 where it is taken for none.

    Raises:
        EntriesError: a PDG id is that of no particle with a known mass; names the entry.
    """
    numbers, which = np.unique(given.ids.flat, return_inverse=True)
    known = np.array([mass_of_number(int(number)) if number else 0.0 for number in numbers])
    masses: Array = known[which]
    if given.branch is not None:
        bad = np.isnan(masses)
        refuse(chunk, given.ids.rows_with(bad), given.branch, lambda row: (
            f"{given.ids.first_of(bad, row)} is the PDG id of no particle whose mass is known"))
    return masses


def _largest(chunk: Columns, options: DataConfig) -> Ragged:
    """Return the id of the particle whose branch has the largest value, 0 where all are NaN.

    Of equal values the first counts, in the order of the configuration. Where charges are known, charged
    leaves are taken for charged particles only, neutral ones for neutral ones.
    """
    columns = [ragged(chunk, name) for name in options.pid_columns]
    values = np.stack([column.flat for column in columns], -1)
    if "charge" in chunk:
        charged = np.array([particle_charge(name) != 0 for name in options.pid])
        values[charged != (ragged(chunk, "charge").flat != 0)[:, None]] = LOWEST
    ids = np.abs([particle_number(name) for name in options.pid])
    best = values.argmax(-1)
    found = np.where(values.max(-1) > LOWEST, ids[best], 0)
    return Ragged(found, columns[0].offsets)
