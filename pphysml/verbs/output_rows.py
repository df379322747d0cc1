"""What an engine returns as entries of the output: with ids, and objects as entries again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..io.branches import IDS
from ..io.ragged import Array, Columns, Ragged, length
from ..io.schema import KEEP, Field, Layout, Objects
from ..task import Task
from ..training.config import TaskConfig


def with_ids(task: Task[Any], layout: Layout, examples: Columns, columns: Columns) -> Columns:
    """Return an engine's columns with the ids and the kept branches of their examples in front."""
    return {**carried(layout, examples), **columns} if task.carries_ids else columns


def carried(layout: Layout, rows: Columns) -> Columns:
    """Return the ids and the kept branches of examples or entries."""
    names = {*IDS, *(f.name for f in layout.fields if f.carried)}
    return {name: column for name, column in rows.items() if name in names or name.startswith(KEEP)}


def written_fields(task: Task[Any], config: TaskConfig, layout: Layout) -> list[Field]:
    """Return the fields of the output tree, those of objects under the names that the layout has for them."""
    fields, objects = task.output_fields(config), layout.objects
    if not task.regroups or objects is None:
        return list(fields)
    return [replace(f, name=objects.written + f.name, counter=objects.counter) if f.ragged else f for f in fields]


class Regrouping:
    """Objects to the entries that they are of, in the order of the entries, also those without any.

    Entries that come before the first object wait for it, since it shows which columns there are.

    Args:
        layout: of the input; says which ids an entry has, and what its objects are called.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._objects = layout.objects or Objects(counter="objects")
        self._types: dict[str, np.dtype[Any]] | None = None
        self._waiting: list[Columns] = []

    def add(self, entries: Columns, examples: Columns, columns: Columns) -> list[Columns]:
        """Return the rows of the output that are ready, in order.

        Args:
            entries: all entries of a chunk, with `file` and `entry`.
            examples: their objects, in the order of the entries.
            columns: one value per object each.

        Raises:
            ValueError: a column has lists of values per object, or objects are in another order.
        """
        ids = carried(self.layout, entries)
        if not length(examples):
            if self._types is None:
                self._waiting.append(ids)
                return []
            return [ids | self._none(length(ids))]
        counts = _counts(entries, examples)
        values = {self._objects.written + name: _values(name, column) for name, column in columns.items() if name not in ids}
        if not self._objects.counter:
            return [ids | _one_each(values, counts)]
        ready = []
        if self._types is None:
            self._types = {name: column.dtype for name, column in values.items()}
            ready = [waiting | self._none(length(waiting)) for waiting in self._waiting]
            self._waiting = []
        return [*ready, ids | {name: Ragged.from_counts(column, counts) for name, column in values.items()}]

    def rest(self, fields: Sequence[Field]) -> list[Columns]:
        """Return the entries that wait still, where no entry has an object; they get all ragged fields, empty."""
        self._types = {f.name: np.dtype(f.dtype) for f in fields if f.ragged}
        return [waiting | self._none(length(waiting)) for waiting in self._waiting]

    def _none(self, entries: int) -> Columns:
        offsets = np.zeros(entries + 1, dtype=np.int64)
        return {name: Ragged(np.zeros(0, dtype=dtype), offsets) for name, dtype in (self._types or {}).items()}


def _values(name: str, column: Any) -> Array:
    if isinstance(column, Ragged) or np.asarray(column).ndim != 1:
        raise ValueError(f"column {name!r} must have one value per object, which become one list per entry")
    return np.asarray(column)


def _one_each(values: dict[str, Array], counts: Array) -> Columns:
    if (counts != 1).any():
        raise ValueError("entries that are objects must have one each")
    return dict(values)


def _counts(entries: Columns, examples: Columns) -> Array:
    """Return the number of objects of each entry, int64."""
    file, entry = np.asarray(entries["file"]), np.asarray(entries["entry"])
    of_file, of_entry = np.asarray(examples["file"]), np.asarray(examples["entry"])
    # Entries of a chunk are of one file and follow one another.
    index = of_entry - entry[0]
    inside = (of_file == file[0]) & (index >= 0) & (index < len(entry))
    if not inside.all() or (np.diff(index) < 0).any():
        raise ValueError("objects must be those of the chunk's entries, in their order")
    return np.bincount(index, minlength=len(entry))
