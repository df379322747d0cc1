"""Constituents as columns of their jets: lists for expressions, and the table that networks take."""

from __future__ import annotations

import numpy as np

from ....errors import InputError, shortened
from ....io.expressions import Expression
from ....io.ragged import Array, Columns, Ragged, ragged
from ..config import JetsConfig
from ..constituents.by_jet import ByJet
from ..constituents.flags import with_flags
from ..constituents.table import NUMBER, TABLE, packed
from ..particle_schema import FLAGS, PARTICLES, TRACKS

NAMES = frozenset(f.name for f in (*PARTICLES, *FLAGS, *TRACKS))

WHERE_THEY_ARE = "JetClass, PFNano and NanoAOD from version 15 on have them, while DAOD_PHYSLITE holds only links to what it leaves out; the simulation writes them with simulation.constituents=true"


def add_lists(examples: Columns, chunk: Columns, config: JetsConfig) -> ByJet | None:
    """Add the lists of constituents that expressions and networks take; return of which jets they are, None without any.

    Raises:
        InputError: the files do not have what is taken.
    """
    taken = {**dict.fromkeys(config.particle_columns, f"model.name={config.model.name} with model.particle_inputs={config.model.particle_inputs[0]}"), **dict.fromkeys(config.names | config.particle_names, "an expression")}
    chunk = with_flags(chunk, taken)
    if lacking := sorted(name for name in taken if name in NAMES and name not in chunk):
        raise InputError(f"has no {lacking[0]} of the constituents of jets, which {taken[lacking[0]]} takes; {WHERE_THEY_ARE}")
    lists = [name for name in chunk if name.startswith("part_") and name in taken]
    if not lists:
        return None
    by_jet = ByJet.of(chunk)
    examples.update({name: by_jet.column(ragged(chunk, name).flat) for name in lists})
    return by_jet


def put_in_table(examples: Columns, by_jet: ByJet, config: JetsConfig) -> None:
    """Put what the network takes of constituents into one table, and forget the lists that nothing else takes.

    Raises:
        InputError: an expression has other lists than those of the constituents.
    """
    columns = [ragged(examples, name).flat for name in config.particle_columns]
    columns += [_values(text, examples, by_jet) for text in config.particle_expressions]
    examples[TABLE], examples[NUMBER] = packed(columns, by_jet.offsets, config.model.most_particles)
    for name in [name for name in examples if name.startswith("part_") and name not in config.names]:
        del examples[name]


def _values(text: str, examples: Columns, by_jet: ByJet) -> Array:
    value = Expression.parse(text)(examples)
    if not isinstance(value, Ragged) or not np.array_equal(value.offsets, by_jet.offsets):
        raise InputError(f"model.particle_inputs: the expression {shortened(text)!r} has no value for each constituent of a jet; take those of part_px, part_d0 and the like.")
    with np.errstate(over="ignore"):
        return value.flat.astype(np.float32)
