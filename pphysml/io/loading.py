"""Read a range of entries of one tree as checked columns, and say what is wrong with them."""

from __future__ import annotations

import numpy as np

from .checks import checked, count_faults
from .files import Tree
from .opening import SPACING, Opening, is_text
from .problems import Problem, ProblemError
from .ragged import Array, Column, Columns, Ragged


def load(tree: Tree, opening: Opening, start: int, stop: int) -> tuple[Columns, list[Problem]]:
    """Return entries start:stop in the fields' types and units, and every problem found in them.

    A branch that cannot be decoded is left out; one with bad values is returned as it was read.
    Fields with the same counter must have equally many values in every entry.
    """
    columns: Columns = {}
    problems: list[Problem] = []
    for name, branch in opening.branches.items():
        try:
            column: Column = tree.read(branch, start, stop, is_text(opening, name))
        except ProblemError as error:
            problems += error.problems
            continue
        faults: list[tuple[int, str]] = []
        if name in opening.fields:
            field, factor = opening.fields[name], opening.factors.get(name, 1.0)
            if field.spacing and not isinstance(column, Ragged):
                columns[SPACING + name] = spacing(column, factor)
            column, faults = checked(column, field, factor)
        columns[name] = column
        problems += [_at(opening, branch, start + row, text) for row, text in faults]
    counters = {name: f.counter for name, f in opening.fields.items() if f.ragged}
    for name, (row, text) in count_faults(columns, counters):
        problems.append(_at(opening, opening.branches[name], start + row, text))
    return columns, problems


def numbered(columns: Columns, file_index: int, start: int, stop: int) -> Columns:
    """Return the columns with the ids of their entries, `file` (int32) and `entry` (int64), in front."""
    return {
        "file": np.full(stop - start, file_index, dtype=np.int32),
        "entry": np.arange(start, stop, dtype=np.int64),
        **columns,
    }


def spacing(values: Array, factor: float) -> Array:
    """Return the distance of numbers to the next that their type can hold, times a factor, float32; integers are fine as doubles."""
    with np.errstate(invalid="ignore"):
        found = np.spacing(np.abs(values if values.dtype.kind == "f" else values.astype(np.float64)))
    scaled: Array = (found * np.float64(factor)).astype(np.float32)
    return scaled


def _at(opening: Opening, branch: str, entry: int, message: str) -> Problem:
    return Problem(opening.source.path, opening.source.tree, branch, entry, message)
