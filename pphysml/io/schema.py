"""Columns of a file by name, type and unit: fields, and the layouts that they make up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigError, did_you_mean
from ..lazy import load_attribute

if TYPE_CHECKING:
    from .ragged import Columns

Kind = Literal["event", "particle", "hit", "node", "pair", "label", "any"]

FileKind = Literal["ROOT", "HDF5"]

KEEP = "keep:"
"""Prefix of the columns that are carried over as they are."""

KEEP_TEXT = f"{KEEP}:text:"
"""Prefix of those that hold one text per entry, as `Ragged` of uint8."""


def kept_branch(column: str) -> str:
    """Return the branch that a column was carried over from."""
    return column.removeprefix(KEEP_TEXT) if column.startswith(KEEP_TEXT) else column.removeprefix(KEEP)


FILES = "file:"
"""Prefix of further columns that are 1 in the files whose names fit the pattern behind it, as `file:zprime*.root` or, with folders, `file:zprime/*.root`, and 0 in others."""

SPACING = "spacing:"
"""Prefix of the columns that tell how fine the values of a file are; see `Field`."""


@dataclass(frozen=True)
class Field:
    """One column of a layout, in the units and type used inside the program.

    Attributes:
        name: canonical name.
        kind: what one value belongs to; all but "event" and "label" are ragged, and "any", of further branches, is what the file has.
        dtype: numpy type name after reading; "text" for the bytes of each entry, `Ragged` of uint8; "" leaves the file's own.
        unit: unit inside the program; files in other units are converted at the door.
        help: one sentence.
        counter: fields with the same counter have equal lengths in every entry ("" for scalars).
        required: reading fails without it.
        truth: known for simulation only; a further branch of truth may lack where none is needed, and is some where it is; one of weights may lack always.
        aliases: other branch names accepted, tried in order.
        alias_units: unit of the aliases that have another one than `unit`.
        minimum, maximum: values outside are reported by `validate` and refused by the reader.
        missing: what NaN stands for, which may be NaN itself; without it NaN is refused.
        carried: the output carries it, where the input has it: an id by which both are joined.
        only_named: read only if it is named with --map, as branches of that name may well be something else.
        counts: counter of fields that are arrays of a fixed size in some files; this field gives how many of their
            values are real, and is read in such files alone.
        weight: an event weight, for the loss of the training; see `config.Config.weight_branch`.
        filling: what the values are in files that lack the column where others of a list have it; -1 or not a number
            for ids that are `carried`. Where nothing can be filled in, the column is left out of all files.
        spacing: a further column, named `SPACING` and this, tells how fine the values of the file are: the
            distance to the next one of their type, in `unit`. Of fields with one value per entry.
        wide: whether numbers of a file that do not fit into the 32 bits of `dtype` are taken, and written, with 64.
    """

    name: str
    kind: Kind
    dtype: str
    help: str
    unit: str = ""
    counter: str = ""
    required: bool = False
    truth: bool = False
    aliases: tuple[str, ...] = ()
    alias_units: Mapping[str, str] = field(default_factory=dict, hash=False)
    minimum: float | None = None
    maximum: float | None = None
    missing: float | None = None
    carried: bool = False
    only_named: bool = False
    counts: str = ""
    weight: bool = False
    filling: float | None = None
    spacing: bool = False
    wide: bool = False

    @property
    def ragged(self) -> bool:
        """Whether one entry holds many values."""
        return bool(self.counter)

    @property
    def filling_value(self) -> float | None:
        """See `filling`; None leaves the column out."""
        if self.filling is not None or self.ragged or self.truth or not self.carried:
            return self.filling
        return {"i": -1.0, "f": float("nan")}.get(self.dtype[:1])

    @property
    def widened(self) -> Field:
        """The same with 64 bits; see `wide`."""
        return replace(self, dtype="int64")

    @property
    def text(self) -> bool:
        """Whether one entry holds one text."""
        return self.dtype == "text"


Further = Kind | Field
"""A further branch of leaves or pairs that is read: what its values belong to, or a field, whose aliases are then its branches."""


@dataclass(frozen=True)
class Objects:
    """What the objects are called of which an entry holds several, or is one.

    Attributes:
        branches: how the names of their branches begin; further branches that begin so have one value per object.
        written: how the names of what is written of them begin.
        counter: branch of the output that holds their number; "" where an entry is one object.
    """

    branches: str = ""
    written: str = ""
    counter: str = ""


@dataclass(frozen=True)
class Lookalike:
    """Trees that a user takes for those of a layout, though they lack what it needs.

    Attributes:
        branches: sets of names; a tree that has all of one set is such a tree, unless it has the field `lacks`.
        lacks: field of the layout.
        reason: what the tree holds, why that is not enough, and what to do; without a full stop.
    """

    branches: tuple[frozenset[str], ...]
    lacks: str
    reason: str


@dataclass(frozen=True)
class Layout:
    """A named file layout: trees it is looked for in, and its fields.

    Attributes:
        name, help: what users call it.
        fields: columns, in the order in which they are documented.
        file_kind: of the files.
        trees: preferred tree names; another tree is used if it is the only one that fits.
        to_canonical: optional "module:function" turning columns as read, with the layout, into canonical ones.
        missing: what NaN stands for in further branches that are read, see `Field`; without it NaN is refused.
        needed_truth: fields of truth without which the others are of no use; empty if any of them is enough.
        truth_hint: how users give truth that a file lacks, behind the sentence that says so, as `; name it with ...`.
        padding: fields that are all 0 where arrays of a fixed size are padded, if they are there; no object can be.
        lookalikes: trees that are refused with their reason; see `Lookalike`.
        marks: required fields that a tree of this layout has, whether they are read, as those of `fields` are, or not.
        judged: why trees of this layout can be evaluated, and nothing else be made of them, with what to do, without a full stop; empty for all that is input.
        left_out: branches that users may miss in an output, which has them only where they are kept.
        objects: what the objects of an entry are called, where a task makes an example of each.
        native_names: simulated files have the first alias of each field, as those of the program that the layout is of.
    """

    name: str
    help: str
    fields: tuple[Field, ...]
    trees: tuple[str, ...] = ()
    to_canonical: str | None = None
    missing: float | None = None
    judged: str = ""
    left_out: tuple[str, ...] = ()
    objects: Objects | None = None
    native_names: bool = False
    padding: tuple[str, ...] = ()
    file_kind: FileKind = "ROOT"
    needed_truth: tuple[str, ...] = ()
    truth_hint: str = ""
    lookalikes: tuple[Lookalike, ...] = ()
    marks: tuple[Field, ...] = ()

    def canonical(self, columns: Columns) -> Columns:
        """Return columns as read as canonical ones; see `to_canonical`."""
        if self.to_canonical is None:
            return columns
        converted: Columns = load_attribute(self.to_canonical)(columns, self)
        return converted

    def field(self, name: str) -> Field:
        """Return a field by its canonical name."""
        for candidate in self.fields:
            if candidate.name == name:
                return candidate
        raise ConfigError(f"Layout {self.name!r} has no field {name!r}."
                          f"{did_you_mean(name, [f.name for f in self.fields])}")

    def branches(self, available: Iterable[str], mapping: Mapping[str, str] = {}) -> dict[str, str]:
        """Return canonical name -> branch for the fields present (mapping, name, then aliases)."""
        return _branches(self.fields, available, mapping)

    @property
    def required(self) -> list[Field]:
        """The fields without which a tree is not of this layout."""
        return [f for f in (*self.fields, *self.marks) if f.required]

    def lacking(self, available: Iterable[str], mapping: Mapping[str, str] = {}) -> list[Field]:
        """Return the required fields that a tree with these branches does not have."""
        found = _branches(self.required, available, mapping)
        return [f for f in self.required if f.name not in found]

    def lookalike(self, available: Iterable[str], mapping: Mapping[str, str] = {}) -> Lookalike | None:
        """Return what a tree with these branches is in truth; None for one that has what is needed, or shows nothing."""
        present = set(available)
        found = self.branches(present, mapping)
        return next((other for other in self.lookalikes if other.lacks not in found and other.lacks not in mapping
                     and any(names <= present for names in other.branches)), None)

    @property
    def truth(self) -> list[str]:
        """The truth of which one field shows that there is some: labels, and numbers that real data have too, do so only where there is nothing else."""
        truth = [f for f in self.fields if f.truth]
        return [f.name for f in truth if f.kind != "label" and not (f.carried and self.needed_truth)] or [f.name for f in truth]

    @property
    def leading_counter(self) -> str:
        """The counter of the first required ragged field, which further branches of leaves share."""
        ragged = [f for f in self.fields if f.ragged]
        first = next((f for f in ragged if f.required), ragged[0] if ragged else None)
        return first.counter if first else ""


def _branches(fields: Iterable[Field], available: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    present = set(available)
    found: dict[str, str] = {}
    for f in fields:
        names = (mapping[f.name],) if f.name in mapping else () if f.only_named else (f.name, *f.aliases)
        branch = next((name for name in names if name in present), None)
        if branch is not None:
            found[f.name] = branch
    return found
