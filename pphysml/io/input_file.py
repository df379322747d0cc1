"""One input file: which branches serve which columns, what is wrong with them, and ranges of its entries as checked columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..errors import did_you_mean, nearest
from .checks import Fault, checked, count_faults
from .checksums import type_of
from .content import AGAIN, Content, lost_branches
from .layout_choice import choose
from .metadata import all_metadata, content_of, written_trees
from .padding import counted, without_zeros
from .padding import faults as count_faults_of
from .problems import Problem, ProblemError
from .ragged import Array, Column, Columns, Ragged
from .root_files import Tree, open_file, tree_names
from .schema import KEEP, KEEP_TEXT, SPACING, Field, Further, Layout
from .sources import Source
from .units import BranchMap, conversion

TEXT = "text"
"""Type of a kept branch of texts."""

LOOKED_AT = 1_000
"""Entries by which it is seen whether arrays of a fixed size are padded with zeros."""


@dataclass(frozen=True)
class Request:
    """What is wanted of every input file; see `reader.Reader`."""

    layouts: Sequence[Layout]
    mapping: BranchMap = field(default_factory=BranchMap)
    extra: Mapping[str, Further] = field(default_factory=dict)
    keep: Sequence[str] = ()
    need_truth: bool = False


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


def examine(source: Source, request: Request) -> Opening:
    """Open a file, choose layout and tree, and check that every branch wanted is there and readable.

    Raises:
        InputError: the file cannot be opened, is damaged, or no tree fits; other problems are collected.
    """
    with open_file(source.path) as file:
        contents, problems = compared(file, source.path)
        layout, name = choose(file, source, request.layouts, request.mapping)
        tree = Tree.of(file, source.path, name, contents.get(name))
        problems = [problem for problem in problems if problem.severity == "error" or problem.tree == name]
        opening = Opening(replace(source, tree=name), layout, {}, {}, {}, tree.entries, contents, problems)
        opening.problems += _select(opening, tree.branches(), request)
        opening.problems += _wrong_types(opening, tree)
        opening.problems += _padding(opening, tree)
        return opening


def compared(file: Any, path: str) -> tuple[dict[str, Content], list[Problem]]:
    """Return what was written into each tree of an open file of ours, and what of that is not there; nothing for other files.

    Raises:
        InputError: the metadata are damaged or lost.
    """
    contents: dict[str, Content] = {}
    problems: list[Problem] = []
    present = tree_names(file)
    for name, writings in written_trees(all_metadata(file, path), path).items():
        if name not in present:
            problems.append(Problem(path, name, None, None, f"the tree that was written is not there; {AGAIN}"))
            continue
        tree = Tree.of(file, path, name)
        content, error, warning = content_of(writings, tree.entries)
        contents[name] = content
        wrong = [*([error] if error else []), *lost_branches(content, tree.branches())]
        problems += [Problem(path, name, None, None, text) for text in wrong]
        problems += [Problem(path, name, None, None, warning, "warning")] if warning else []
    return contents, problems


def wrong_types(file: Any, path: str, contents: Mapping[str, Content]) -> Iterator[Problem]:
    """Yield the branches of our own trees whose types are not those that were written, without reading an entry."""
    for name, content in contents.items():
        tree = Tree.of(file, path, name, content)
        for branch in sorted(content.branches & set(tree.branches())):
            try:
                tree.read(branch, 0, 0, tree.holds_texts(branch))
            except ProblemError as error:
                yield error.problems[0]


def kinds(extra: Iterable[str]) -> dict[str, Further]:
    """Return what the values of further branches belong to; names alone are branches of leaves."""
    return dict(extra) if isinstance(extra, Mapping) else dict.fromkeys(extra, "particle")


def is_text(opening: Opening, name: str) -> bool:
    """Return whether a column holds texts: a field says so, or what was found in a kept branch."""
    return opening.fields[name].text if name in opening.fields else opening.kept.get(name) == TEXT


def _select(opening: Opening, available: list[str], request: Request) -> Iterator[Problem]:
    """Fill in which branch serves which column; yield what is not there."""
    layout, here = opening.layout, request.mapping.of(available)
    mapping = here.branches
    opening.branches.update(layout.branches(available, mapping))
    opening.fields.update({f.name: f for f in layout.fields if f.name in opening.branches})
    for f in opening.fields.values():
        opening.factors[f.name] = conversion(f.alias_units.get(opening.branches[f.name], f.unit), f.unit)
    opening.factors.update(here.factors)
    for f in layout.fields:
        if f.name in mapping and f.name not in opening.branches:
            yield _absent(opening, mapping[f.name], available)
        elif f.required and f.name not in opening.branches:
            usual = [request.mapping.branches[f.name]] if f.name in request.mapping.branches else []
            yield _absent(opening, f.name, available, f" It is wanted as: {f.help} Name it with --map {f.name}=BRANCH.", [*usual, *f.aliases])
    truth = layout.truth
    if request.need_truth and not set(truth) & set(opening.branches):
        message = f"has no truth (none of {', '.join(truth)}), as real data have none; it is needed here"
        yield _problem(opening, None, message)
    elif request.need_truth and (lacking := [name for name in layout.needed_truth if name not in opening.branches]):
        yield _problem(opening, None, f"has only a part of the truth, without {', '.join(lacking)}, which is needed here too; "
                                      f"name it with --map {lacking[0]}=BRANCH")
    for name, kind in request.extra.items():
        if name in opening.branches:
            continue
        field = kind if isinstance(kind, Field) else Field(name, kind, "float32", "Further branch.", missing=layout.missing)
        branch = mapping.get(name, (*field.aliases, name)[0])
        if branch not in available:
            yield _absent(opening, branch, available, f" Name it with --map {name}=BRANCH.")
            continue
        opening.branches[name] = branch
        # How many pairs there are depends on the leaves; the task compares them.
        opening.fields[name] = replace(field, counter=f"n_{name}" if kind == "pair" else layout.leading_counter)
    for name in request.keep:
        if name in available:
            opening.branches[KEEP + name] = name
        else:
            yield _absent(opening, name, available)


def _wrong_types(opening: Opening, tree: Tree) -> Iterator[Problem]:
    """Read no entry of every branch, which is enough to know its type; forget the branches that fail."""
    for name, branch in list(opening.branches.items()):
        if name in opening.fields and opening.fields[name].counts:
            continue  # many files have such a branch that do not need it
        try:
            column = tree.read(branch, 0, 0, is_text(opening, name))
        except ProblemError as error:
            if name.startswith(KEEP) and tree.holds_texts(branch):
                opening.kept[name] = TEXT
                continue
            yield from error.problems
            del opening.branches[name]
            continue
        if name.startswith(KEEP):
            opening.kept[name] = type_of(column)
        if name in opening.fields:
            if opening.fields[name].ragged and not isinstance(column, Ragged) and column.ndim > 1:
                opening.sizes[name] = int(np.prod(column.shape[1:]))
            _, faults = checked(column, opening.fields[name])
            yield from (_problem(opening, branch, fault.text) for fault in faults)
            if faults:
                del opening.branches[name]


def _padding(opening: Opening, tree: Tree) -> Iterator[Problem]:
    """Find out how many values of arrays of a fixed size are real; say so."""
    for f in [f for f in opening.layout.fields if f.counts and f.name in opening.branches]:
        branch, arrays = opening.branches.pop(f.name), [n for n in opening.sizes if opening.fields[n].counter == f.counts]
        if arrays and _is_single(tree, branch):
            opening.counts[f.counts] = f, branch
            yield _warning(opening, f"{_listed(opening, arrays)}: all entries have equally many values, of which the first "
                                    f"{branch!r} are read; if that is not their number, name another branch with --map {f.name}=BRANCH")
    names = opening.padding
    if not names or any(problem.severity == "error" for problem in opening.problems):
        return
    try:
        first = _real(tree, opening, names, 0, min(opening.n_entries, LOOKED_AT))
    except ProblemError:
        return  # it is said when they are read as a block
    opening.padded = bool((first < opening.sizes[names[0]]).any())
    if opening.padded:
        yield _warning(opening, f"{_listed(opening, names)}: all entries have {opening.sizes[names[0]]} values, and those at the end that are "
                                f"0 in all of them are taken for padding and left out; {_number_with(opening, names)}")


def _number_with(opening: Opening, names: Sequence[str]) -> str:
    counter = opening.fields[names[0]].counter
    count = next((f.name for f in opening.layout.fields if f.counts == counter), counter)
    return f"if a branch has their number, name it with --map {count}=BRANCH"


def _listed(opening: Opening, names: Sequence[str]) -> str:
    return ", ".join(opening.branches[name] for name in names)


def _is_single(tree: Tree, branch: str) -> bool:
    """Return whether a branch has one value per entry."""
    try:
        column = tree.read(branch, 0, 0)
    except ProblemError:
        return False
    return not isinstance(column, Ragged) and column.ndim == 1


def _real(tree: Tree, opening: Opening, names: Sequence[str], start: int, stop: int) -> Array:
    """Return how many values of each entry are no padding, by the zeros at its end."""
    columns = [tree.read(opening.branches[name], start, stop) for name in names]
    return without_zeros([np.asarray(column).reshape(stop - start, opening.sizes[names[0]]) for column in columns])


def _absent(opening: Opening, branch: str, available: list[str], hint: str = "", aliases: Sequence[str] = ()) -> Problem:
    names = list(dict.fromkeys((*aliases, branch)))
    alike = next((name for name in names if nearest(name, available)), branch)
    return _problem(opening, None, f"there is no branch {' or '.join(map(repr, names))}.{did_you_mean(alike, available)}{hint}")


def _problem(opening: Opening, branch: str | None, message: str) -> Problem:
    return Problem(opening.source.path, opening.source.tree, branch, None, message)


def _warning(opening: Opening, message: str) -> Problem:
    return Problem(opening.source.path, opening.source.tree, None, None, message, "warning")


def load(tree: Tree, opening: Opening, start: int, stop: int) -> tuple[Columns, list[Problem]]:
    """Return entries start:stop in the fields' types and units, and every problem found in them.

    A branch that cannot be decoded is left out; one with bad values is returned as it was read.
    Fields with the same counter must have equally many values in every entry.
    """
    columns: Columns = {}
    counts, problems = _counts(tree, opening, start, stop)
    for name, branch in opening.branches.items():
        try:
            column: Column = tree.read(branch, start, stop, is_text(opening, name))
        except ProblemError as error:
            problems += error.problems
            continue
        faults: list[Fault] = []
        if name in opening.fields:
            field, factor = opening.fields[name], opening.factors.get(name, 1.0)
            if field.spacing and not isinstance(column, Ragged):
                columns[SPACING + name] = spacing(column, factor)
            if field.counter in counts and not isinstance(column, Ragged) and column.ndim > 1:
                column = counted(column, np.minimum(counts[field.counter], opening.sizes[name]))
            elif (n := _pairs_of(opening, field, name, counts)) and not isinstance(column, Ragged):
                column = counted(column, counts[opening.layout.leading_counter], n)
            column, faults = checked(column, field, factor)
        columns[name if opening.kept.get(name) != TEXT else KEEP_TEXT + branch] = column
        problems += [_at(opening, branch, start, fault) for fault in faults]
    counters = {name: f.counter for name, f in opening.fields.items() if f.ragged}
    for name, fault in count_faults(columns, counters):
        problems.append(_at(opening, opening.branches[name], start, fault))
    columns |= {name: np.full(stop - start, f.filling_value, dtype=f.dtype) for name, f in opening.filled.items()}
    return columns, problems


def _counts(tree: Tree, opening: Opening, start: int, stop: int) -> tuple[dict[str, Array], list[Problem]]:
    """Return how many values of arrays of a fixed size are real, by counter, and what is wrong with these numbers."""
    found: dict[str, Array] = {}
    problems: list[Problem] = []
    try:
        problems += _fill_counts(found, tree, opening, start, stop)
    except ProblemError as error:
        problems += error.problems
    return found, problems


def _fill_counts(found: dict[str, Array], tree: Tree, opening: Opening, start: int, stop: int) -> Iterator[Problem]:
    for counter, (_, branch) in opening.counts.items():
        sizes = {opening.branches[name]: size for name, size in opening.sizes.items()
                 if name in opening.branches and opening.fields[name].counter == counter}
        if not sizes:
            continue  # other files lack these columns, so that they are left out
        given = np.asarray(tree.read(branch, start, stop))
        wrong = list(count_faults_of(given, sizes))
        yield from (_at(opening, branch, start, fault) for fault in wrong)
        found[counter] = np.clip(np.nan_to_num(given), 0, min(sizes.values())).astype(np.int64) if wrong else given.astype(np.int64)
    if names := opening.padding:
        counts, size = _real(tree, opening, names, start, stop), opening.sizes[names[0]]
        if opening.padded:
            found[opening.fields[names[0]].counter] = counts
        elif (counts < size).any():
            padded = np.flatnonzero(counts < size)
            text = f"ends with values that are 0 as in {_listed(opening, names[1:])}, unlike the first entries; {_number_with(opening, names)}"
            yield _at(opening, opening.branches[names[0]], start, Fault(int(padded[0]), text, len(padded) - 1))


def _pairs_of(opening: Opening, field: Field, name: str, counts: Mapping[str, Array]) -> int:
    """Return for a column of pairs of objects whose arrays are padded how many objects these have; 0 for another."""
    leading = opening.layout.leading_counter
    sizes = {size for other, size in opening.sizes.items() if opening.fields[other].counter == leading}
    n = max(sizes, default=0)
    return n if leading in counts and field.kind == "pair" and len(sizes) == 1 and opening.sizes.get(name) == n * n else 0


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


def _at(opening: Opening, branch: str, start: int, fault: Fault) -> Problem:
    return Problem(opening.source.path, opening.source.tree, branch, start + fault.row, fault.text, more=fault.further)
