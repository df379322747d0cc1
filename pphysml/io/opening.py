"""What is wanted of input files, and what was found in one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .checks import Fault
from .content import Content
from .problems import Problem
from .schema import Field, Further, Layout
from .sources import Source
from .units import BranchMap


@dataclass(frozen=True)
class Request:
    """What is wanted of every input file; see `reader.Reader`."""

    layouts: Sequence[Layout]
    mapping: BranchMap = field(default_factory=BranchMap)
    extra: Mapping[str, Further] = field(default_factory=dict)
    keep: Sequence[str] = ()
    need_truth: bool = False

    @property
    def further_truth(self) -> list[str]:
        """The further branches that are truth, or say it by the names of files."""
        return [name for name, kind in self.extra.items() if isinstance(kind, Field) and kind.truth]


@dataclass
class Opening:
    """What was found in one file.

    Attributes:
        source: the file, with the tree that was chosen.
        branches: column -> branch of what will be read.
        fields: column -> how it is checked; kept columns are not.
        factors: column -> factor to its field's unit, of branches in another one.
        contents: tree -> what was written into it, if the file is one of ours; its first is the main one.
        problems: everything that is wrong so far; warnings do not stop reading.
        kept: column -> type of what is carried over as it is.
        sizes: ragged column -> number of values that all its entries have in this file.
        counts: counter of such columns -> the field and the branch that give how many of them are real.
        padded: whether they are padded with zeros, where no branch gives their number.
        left_out: see `Layout.left_out`, those that are there and not kept.
        n_bytes: of all that will be read of the tree; 0 where that is not known.
        filled: columns that are not in this file, but in others of the list, and get `Field.filling_value`.
    """

    source: Source
    layout: Layout
    branches: dict[str, str]
    fields: dict[str, Field]
    factors: dict[str, float]
    n_entries: int
    contents: dict[str, Content]
    problems: list[Problem]
    kept: dict[str, str] = field(default_factory=dict)
    filled: dict[str, Field] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    counts: dict[str, tuple[Field, str]] = field(default_factory=dict)
    padded: bool = False
    left_out: tuple[str, ...] = ()
    n_bytes: int = 0

    @property
    def padding(self) -> list[str]:
        """The columns by which it is seen what is padding, where no branch gives the number of values."""
        names = [name for name in self.layout.padding if name in self.branches]
        known = all(name in self.sizes and self.fields[name].counter not in self.counts for name in names)
        return names if names and known and len({self.sizes[name] for name in names}) == 1 else []

    @property
    def content(self) -> Content | None:
        """What was written into the tree."""
        return self.contents.get(self.source.tree or "")

    def problem(self, branch: str | None, message: str) -> Problem:
        """Return what is wrong with a branch, or with the tree."""
        return Problem(self.source.path, self.source.tree, branch, None, message)

    def warning(self, message: str) -> Problem:
        """Return what is to be known of the tree."""
        return Problem(self.source.path, self.source.tree, None, None, message, "warning")

    def at(self, branch: str, start: int, fault: Fault) -> Problem:
        """Return what is wrong with entries of a branch that were read from `start` on."""
        return Problem(self.source.path, self.source.tree, branch, start + fault.row, fault.text, more=fault.further)
