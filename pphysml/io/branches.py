"""Which branches an output tree has: names, types and shared counters of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import ConfigError, OutputError
from .checks import cast
from .ragged import Array, Column, Ragged
from .schema import KEEP, KEEP_TEXT, Field, kept_branch

IDS = {"file": "int32", "entry": "int64"}
LONGEST_NAME = 10_000
"""Bytes of a branch's name; a TTree's counts them in 16 bits, with names of leaves and titles made of it."""
WRITTEN_AS = {"float16": "float32"}
"""Types of RNTuple that TTree does not have, and those that hold the same values."""


@dataclass(frozen=True)
class Branch:
    """One branch of the output.

    Attributes:
        name: of the branch; `column` is the name of its column.
        dtype: numpy type name.
        counter: branch holding the number of values per entry, "" for one value per entry.
        shape: of one value.
        text: whether an entry holds one text, whose bytes come as a ragged column.
    """

    name: str
    column: str
    dtype: str
    counter: str = ""
    shape: tuple[int, ...] = ()
    text: bool = False

    @property
    def ragged(self) -> bool:
        """Whether its column is ragged."""
        return bool(self.counter) or self.text

    def type(self) -> Any:
        """Return the type as uproot wants it."""
        if self.text:
            return "string"
        if self.counter:
            return f"var * {self.dtype}"
        return np.dtype((self.dtype, self.shape)) if self.shape else np.dtype(self.dtype)

    def convert(self, column: Column, path: str) -> Column:
        """Return a column in the branch's type.

        Raises:
            ValueError: lists where single values were announced, or the other way round.
            OutputError: a value does not fit into the type.
        """
        if isinstance(column, Ragged) != self.ragged:
            raise ValueError(f"column {self.column!r} must {'' if self.ragged else 'not '}be ragged")
        values = column.flat if isinstance(column, Ragged) else np.asarray(column)
        expected = 1 if self.ragged else 1 + len(self.shape)
        if values.ndim != expected or values.shape[1:] != self.shape:
            raise ValueError(f"column {self.column!r} has values of shape {values.shape[1:]}, not {self.shape}")
        converted, faults = cast(values, np.dtype(self.dtype))
        if faults:
            raise OutputError(f"{path}: branch {self.name!r}: {faults[0][1]}.")
        return Ragged(converted, column.offsets) if isinstance(column, Ragged) else converted


def plan(columns: Mapping[str, Column], fields: Sequence[Field]) -> list[Branch]:
    """Return the branches for the first columns: ids, fields in their order, others, kept branches.

    A field that is the counter of other fields is left to them.

    Raises:
        ConfigError: a kept branch has the name of one that is written anyway.
    """
    by_name = {f.name: f for f in fields}
    counters = {f.counter for f in fields if f.name in columns and f.counter}
    branches: list[Branch] = []
    kept = [name for name in columns if name.startswith(KEEP)]
    others = [name for name in columns if name not in by_name and name not in IDS and name not in kept]
    for name in [*IDS, *by_name, *others]:
        if name not in columns or name in counters:
            continue
        column = columns[name]
        dtype = _written_type(by_name[name], column) if name in by_name else IDS.get(name, _dtype(column))
        counter = by_name[name].counter if name in by_name else ""
        branches.append(Branch(name, name, dtype, counter or _own_counter(name, column), _shape(column)))
    for name in kept:
        _add_kept(branches, name, columns[name])
    return branches


def plan_empty(fields: Sequence[Field]) -> list[Branch]:
    """Return the branches of a tree that gets no entry at all: every field."""
    counters = {f.counter for f in fields if f.counter}
    return [Branch(f.name, f.name, f.dtype, f.counter) for f in fields if f.name not in counters]


def counts(branches: Sequence[Branch], columns: Mapping[str, Column]) -> dict[str, Array]:
    """Return the values of every counter, shape (entries,), int32.

    Raises:
        ValueError: columns that share a counter, or the counter itself, disagree.
    """
    found: dict[str, Array] = {}
    for branch in branches:
        column = columns[branch.column]
        if branch.text or not isinstance(column, Ragged):
            continue
        given = columns.get(branch.counter)
        reference = found.setdefault(branch.counter, column.counts if given is None else np.asarray(given))
        if not np.array_equal(column.counts, reference):
            raise ValueError(f"column {branch.column!r} disagrees with the counter {branch.counter!r}")
    return {name: values.astype(np.int32) for name, values in found.items()}


def _add_kept(branches: list[Branch], column_name: str, column: Column) -> None:
    # uproot takes a slash for a subdirectory, and ROOT a bracket for the length of an array.
    name = kept_branch(column_name).translate(str.maketrans("/[]", ".__"))
    text = column_name.startswith(KEEP_TEXT)
    if not name or len(name.encode(errors="surrogateescape")) > LONGEST_NAME:
        raise ConfigError(f"--keep {name}: no branch of the output can have that name; leave it out.")
    taken = {b.name for b in branches} | {b.counter for b in branches}
    if name in taken:
        raise ConfigError(f"--keep {name}: the output has a branch of that name already; leave it out.")
    counter = "" if text else _own_counter(name, column)
    while counter and counter in taken:
        counter = "n" + counter
    branches.append(Branch(name, column_name, WRITTEN_AS.get(_dtype(column), _dtype(column)), counter, _shape(column), text))


def _written_type(field: Field, column: Column) -> str:
    return "int64" if field.wide and _dtype(column) == "int64" else field.dtype


def _own_counter(name: str, column: Column) -> str:
    return f"n{name}" if isinstance(column, Ragged) else ""


def _dtype(column: Column) -> str:
    return (column.flat if isinstance(column, Ragged) else np.asarray(column)).dtype.name


def _shape(column: Column) -> tuple[int, ...]:
    return column.flat.shape[1:] if isinstance(column, Ragged) else np.asarray(column).shape[1:]
