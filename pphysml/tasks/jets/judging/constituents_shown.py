"""What is shown of the constituents that a network takes: numbers of each jet."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, length, ragged
from ..config import JetsConfig
from ..constituents.table import NUMBER, TABLE
from ..particle_schema import MOMENTA


def of_constituents(examples: Columns, config: JetsConfig) -> dict[str, Array]:
    """Return how many constituents each jet has, the share of the first in their momentum, and the mean over them of all else that a network takes, (n,) each.

    Nothing, if it takes none; NaN of jets without.
    """
    if TABLE not in examples:
        return {}
    table = ragged(examples, TABLE)
    n, counts, columns = length(examples), table.counts, table.flat.astype(np.float64).T
    jet = np.repeat(np.arange(n), counts)
    pt = np.hypot(columns[0], columns[1])
    first = np.zeros(n)
    first[counts > 0] = pt[table.offsets[:-1][counts > 0]]
    names = [*config.particle_columns, *config.particle_expressions][len(MOMENTA) :]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {"number of constituents": np.asarray(examples[NUMBER], np.float64), "share of the first constituent": first / np.bincount(jet, pt, n),
                **{f"mean({name})": np.bincount(jet, column, n) / counts for name, column in zip(names, columns[len(MOMENTA) :], strict=True)}}
