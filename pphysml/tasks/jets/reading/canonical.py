"""Columns of any layout under one set of names: each entry has a list of jets."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Column, Columns, Ragged
from ....io.schema import Layout
from ..schema import KNOWN, SUBSTRUCTURE
from .generator_matching import with_matching
from .linked_particles import with_constituents

OF_JETS = "jets:"
"""Prefix of columns that branches of expressions become which have one value per jet."""


PLACEHOLDER = -99.0
"""Below this, a variable of substructure was not computed."""

NO_SUM = -1.0
"""And where it is this, but for masses: so CMS marks ratios of sums over too few constituents."""

SUBSTRUCTURE_NAMES = frozenset(f.name for f in SUBSTRUCTURE)


def canonical(columns: Columns, layout: Layout) -> Columns:
    """Return the columns with one value per jet as `Ragged`, and further branches of jets as `jets:NAME`.

    Masses, constituents and distances to generated decays are made of what the file has.

    Raises:
        InputError: there are neither masses nor energies, or a number leads to what is not there.
    """
    objects = layout.objects
    assert objects is not None
    found: Columns = {}
    for name, column in columns.items():
        known = name.startswith(("jet_", "label_")) and name in KNOWN
        of_jets = known or (name not in KNOWN and _of_jets(name, column, bool(objects.counter), objects.branches))
        if of_jets and not isinstance(column, Ragged):
            column = Ragged(np.asarray(column), np.arange(len(column) + 1, dtype=np.int64))
        found[name if known or not of_jets else OF_JETS + name] = _without_placeholders(name, column) if name in SUBSTRUCTURE_NAMES else column
    if "jet_mass" not in found:
        found["jet_mass"] = _mass(found)
    return with_matching(with_constituents(found))


def _without_placeholders(name: str, column: Column) -> Column:
    """Return NaN for what stands in a file where a variable was not computed, as -1 or -999."""
    if not isinstance(column, Ragged) or column.flat.dtype.kind != "f":
        return column
    absent = column.flat < PLACEHOLDER
    if name != "jet_softdrop_mass":
        absent |= column.flat == NO_SUM
    return Ragged(np.where(absent, np.float32(np.nan), column.flat), column.offsets)


def _of_jets(name: str, column: object, several: bool, begins: str) -> bool:
    """Return whether a further branch has one value per jet; where an entry is a jet, what has one value per entry."""
    if name in ("file", "entry") or name.startswith(("keep:", "spacing:")):
        return False
    return isinstance(column, Ragged) and name.startswith(begins) if several else not isinstance(column, Ragged)


def _mass(columns: Columns) -> Ragged:
    """Return the masses that follow from energies, GeV; what rounding leaves below 0 is 0."""
    if "jet_energy" not in columns:
        raise InputError("has neither masses nor energies of jets; name a branch with --map jet_mass=BRANCH")
    energy, pt, eta = (_float64(columns, name) for name in ("jet_energy", "jet_pt", "jet_eta"))
    squared = energy**2 - (pt * np.cosh(eta)) ** 2
    offsets = columns["jet_pt"].offsets  # type: ignore[union-attr]
    return Ragged(np.sqrt(np.maximum(squared, 0)).astype(np.float32), offsets)


def _float64(columns: Columns, name: str) -> Array:
    column = columns[name]
    assert isinstance(column, Ragged)
    return column.flat.astype(np.float64)
