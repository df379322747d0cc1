"""What was written into a tree of one of our files, with which whatever is read of it is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .checksums import WholeBranch, checksums, from_text, type_of
from .ragged import Array, Column

AGAIN = "copy the file again or make it anew"
BLOCK = 20_000
"""Entries that are read at a time where all are; a few more, where baskets are compared as a whole."""


@dataclass(frozen=True)
class Written:
    """What one writing has put into a tree.

    Attributes:
        entries: their number.
        types: branch -> type of its values; none where no entry was written in the first format.
        step: entries of a stretch.
        stretches: branch -> checksum of each stretch.
        whole: branch -> checksum of all entries; in the first format only.
    """

    entries: int
    types: Mapping[str, str] = field(default_factory=dict)
    step: int = 1
    stretches: Mapping[str, Sequence[int]] = field(default_factory=dict)
    whole: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_key(self) -> tuple[object, ...]:
        """The same for writings of the same content."""
        return (self.entries, *map(tuple, self.stretches.values()), *self.whole.items())

    @property
    def branches(self) -> set[str]:
        """Names of the branches that were written, as far as they are known."""
        return {*self.types, *self.whole}

    @classmethod
    def of_first_format(cls, facts: Any) -> Written:
        """Take what metadata of the first format have of a tree.

        Raises:
            ValueError: they are not of that form.
        """
        return cls(_count(facts), whole=_texts(facts, "checksums"))

    @classmethod
    def of(cls, facts: Any) -> Written:
        """Take what the metadata have of a tree.

        Raises:
            ValueError: they are not of that form.
        """
        entries, types, step = _count(facts), _texts(facts, "types"), facts.get("stretch")
        if not isinstance(step, int) or step < 1:
            raise ValueError("stretch")
        stretches = {branch: from_text(text) for branch, text in _texts(facts, "checksums").items()}
        if set(stretches) != set(types) or any(len(sums) != -(-entries // step) for sums in stretches.values()):
            raise ValueError("checksums")
        return cls(entries, types, step, stretches)


def _count(facts: Any) -> int:
    if not isinstance(facts, dict):
        raise ValueError("tree")
    entries = facts.get("n_entries")
    if not isinstance(entries, int) or isinstance(entries, bool) or entries < 0:
        raise ValueError("n_entries")
    return entries


def _texts(facts: Mapping[str, Any], name: str) -> dict[str, str]:
    found = facts.get(name)
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise ValueError(name)
    return found


class Content:
    """What was written into a tree, by one writing or by several that were merged, one after the other."""

    def __init__(self, parts: list[Written]) -> None:
        self._parts = [part for part in parts if part.entries]
        self._first = np.cumsum([0, *(part.entries for part in self._parts)]).tolist()
        self._compared: set[str] = set()
        self.branches = set.intersection(*(part.branches for part in self._parts or parts)) if parts else set()
        self.types = {branch: kind for part in reversed(parts) for branch, kind in part.types.items()}

    def around(self, branch: str, start: int, stop: int) -> tuple[int, int]:
        """Return the smallest range of whole stretches of a branch that holds start:stop."""
        if start >= stop:
            return start, stop
        low, high = start, stop
        for first, part in zip(self._first, self._parts, strict=False):
            last = first + part.entries
            if branch not in part.stretches or last <= start or first >= stop:
                continue
            if first <= start:
                low = start - (start - first) % part.step
            if stop <= last:
                high = min(last, stop + (first - stop) % part.step)
        return low, high

    def within(self, branch: str, start: int, stop: int) -> tuple[int, int]:
        """Return the largest range inside start:stop of which `fault` compares all that was written."""
        low, high = start, stop
        for first, part in zip(self._first, self._parts, strict=False):
            last = first + part.entries
            if branch not in part.stretches:
                continue
            if first < start < last:
                low = min(last, start + (first - start) % part.step)
            if first < stop < last:
                high = stop - (stop - first) % part.step
        return low, high

    def fault(self, branch: str, start: int, column: Column) -> tuple[int, str] | None:
        """Compare entries of a branch from `start` on with what was written; return where they first differ, and how.

        Stretches of which only a part is there are left out.
        """
        written = self.types.get(branch)
        if written is not None and type_of(column) != written:
            return start, f"holds {type_of(column)}, but {written} was written; {AGAIN}"
        stop = start + len(column)
        for first, part in zip(self._first, self._parts, strict=False):
            sums = part.stretches.get(branch)
            if sums is None or first + part.entries <= start or first >= stop:
                continue
            last = first + part.entries
            low = max(0, -((first - start) // part.step))
            high = len(sums) if stop >= last else (stop - first) // part.step
            edges = [min(first + number * part.step, last) for number in range(low, high + 1)]
            found, expected = checksums(column, [edge - start for edge in edges]), sums[low : low + len(edges) - 1]
            if found != expected:
                number = next(number for number, sum_ in enumerate(found) if sum_ != expected[number])
                return edges[number], _differ(edges[number], edges[number + 1])
        return None

    def wants_all(self, branch: str) -> bool:
        """Whether all entries of a branch are still to be compared, whichever are wanted."""
        return branch not in self._compared and any(branch in part.whole for part in self._parts)

    def fault_of_all(self, branch: str, edges: Array, read: Callable[[int, int], Column]) -> tuple[int, str] | None:
        """Do the same for what is compared as a whole, once; baskets begin at `edges`."""
        for first, part in zip(self._first, self._parts, strict=False):
            if branch in part.whole and _whole(read, edges, first, first + part.entries) != part.whole[branch]:
                return first, _differ(first, first + part.entries)
        self._compared.add(branch)
        return None


def _differ(first: int, last: int) -> str:
    return f"entries {first} to {last - 1} are not what was written (checksum); {AGAIN}"


def _whole(read: Callable[[int, int], Column], edges: Array, first: int, last: int) -> str:
    """Return the checksum of entries first:last, read in whole baskets, so that none is decoded twice."""
    found = WholeBranch()
    start = first
    while start < last:
        ends = edges[edges >= start + BLOCK]
        stop = min(last, int(ends[0])) if len(ends) else last
        found.update(read(start, stop))
        start = stop
    return found.hexdigest()


def lost_branches(content: Content, available: list[str]) -> Iterator[str]:
    """Yield what is wrong with the branches of a tree: those that were written must be there."""
    present = set(available)
    for branch in sorted(content.branches - present):
        yield f"the branch {branch!r} that was written is not there; {AGAIN}"
