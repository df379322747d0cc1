"""One tree of an output file: its branches, and what the metadata say of its content."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .arrays import to_awkward
from .branches import Branch, counts, plan, plan_empty
from .checksums import STRETCH, Stretches, named, step_for
from .metadata import TITLE
from .ragged import Columns, Ragged, length
from .schema import Field


class OutputTree:
    """A TTree that grows chunk by chunk; the columns of the first chunk are those of all.

    Args:
        name: of the tree.
        fields: names, types and counters of the columns; those that the first chunk lacks are not written.
    """

    def __init__(self, name: str, fields: Sequence[Field]) -> None:
        self.name = name
        self.fields = tuple(fields)
        self.n_entries = 0
        self._branches: list[Branch] | None = None
        self._types: dict[str, str] = {}
        self._step = STRETCH
        self._checksums: dict[str, Stretches] = {}

    def extend(self, file: Any, columns: Columns, path: str) -> None:
        """Append entries; `path` is what errors call the file.

        Raises:
            OSError: they cannot be written.
            OutputError: a value does not fit into its field's type.
            ValueError: columns other than those of the first call, or unequal lengths.
        """
        if self._branches is None:
            self._create(file, plan(columns, self.fields))
        branches = self._branches or []
        expected = {branch.column for branch in branches}
        given = set(columns) - {branch.counter for branch in branches}
        if given != expected:
            raise ValueError(f"columns {sorted(given ^ expected)} are not in every call of extend")
        size = length(columns)
        converted = {b.name: b.convert(columns[b.column], path) for b in branches}
        chunk: Columns = {**converted, **counts(branches, columns)}
        if size == 0:
            return
        if not self._checksums:
            self._step = step_for(chunk.values())
            self._checksums = {name: Stretches(self._step) for name in self._types}
        for name, column in chunk.items():
            self._checksums[name].update(column)
        texts = {branch.name for branch in branches if branch.text}
        file[self.name].extend({name: to_awkward(c, name in texts) if isinstance(c, Ragged) else c for name, c in chunk.items()})
        self.n_entries += size

    def complete(self, file: Any) -> None:
        """Make the tree with all its fields if nothing was ever appended."""
        if self._branches is None:
            self._create(file, plan_empty(self.fields))

    def facts(self) -> dict[str, Any]:
        """Return what the metadata say of the content: see `content.Written`."""
        checksums = {name: self._checksums[name].text() if self._checksums else "" for name in self._types}
        return {"n_entries": self.n_entries, "stretch": self._step, "types": self._types, "checksums": checksums}

    def _create(self, file: Any, branches: list[Branch]) -> None:
        counter_of = {branch.name: branch.counter for branch in branches if branch.counter}
        types = {branch.name: branch.type() for branch in branches}
        # Never by assignment: that writes an RNTuple.
        file.mktree(self.name, types, TITLE, counter_name=lambda name: counter_of.get(name, "n" + name))
        self._branches = branches
        self._types = {branch.name: named(branch.dtype, branch.shape, branch.ragged) for branch in branches}
        self._types |= dict.fromkeys(counter_of.values(), "int32")
