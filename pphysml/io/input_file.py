"""One input file: which branches serve which columns, what is wrong with them, and ranges of its entries as checked columns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np

from ..errors import did_you_mean, nearest
from .checks import Fault, checked, count_faults
from .checksums import type_of
from .content import BLOCK
from .files import open_file
from .fixed_arrays import find_padding, pairs_of, real_counts
from .layout_choice import choose, not_read
from .opening import Opening, Request
from .own_trees import compared
from .padding import counted
from .problems import Problem, ProblemError
from .ragged import Array, Column, Columns, Ragged
from .schema import FILES, KEEP, KEEP_TEXT, SPACING, Field, Further
from .sources import Source
from .trees import Tree
from .units import conversion

TEXT = "text"
"""Type of a kept branch of texts."""


def examine(source: Source, request: Request) -> Opening:
    """Open a file, choose layout and tree, and check that every branch wanted is there and readable.

    Raises:
        InputError: the file cannot be opened, is damaged, or no tree fits; other problems are collected.
    """
    with open_file(source.path) as file:
        contents, problems = compared(file)
        layout, name = choose(file, source, request.layouts, request.mapping)
        tree = file.tree(name, contents.get(name))
        problems = [problem for problem in problems if problem.severity == "error" or problem.tree == name]
        opening = Opening(replace(source, tree=name), layout, {}, {}, {}, tree.entries, contents, problems)
        opening.problems += _select(opening, tree.branches(), request)
        opening.problems += _further_trees(opening, not_read(file, source, layout, name, request.mapping))
        opening.problems += _wrong_types(opening, tree)
        opening.problems += find_padding(opening, tree)
        _widen(opening, tree)
        opening.n_bytes = tree.bytes_of(set(opening.branches.values()))
        return opening


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
    opening.left_out = tuple(branch for branch in layout.left_out if branch in available and branch not in request.keep)
    opening.branches.update(layout.branches(available, mapping))
    opening.fields.update({f.name: f for f in layout.fields if f.name in opening.branches})
    for f in opening.fields.values():
        opening.factors[f.name] = conversion(f.alias_units.get(opening.branches[f.name], f.unit), f.unit)
    opening.factors.update(here.factors)
    other = layout.lookalike(available, mapping)
    if other is not None:
        yield opening.problem(None, other.reason)
        return
    needed = {f.name for f in layout.lacking(available, mapping)}
    for f in dict.fromkeys((*layout.fields, *(f for f in layout.marks if f.name in needed))):
        if f.name in mapping and f.name not in opening.branches:
            yield _absent(opening, mapping[f.name], available)
        elif f.required and f.name in needed:
            usual = [request.mapping.branches[f.name]] if f.name in request.mapping.branches else []
            other_layout = ", or choose a layout without it with --layout" if f in layout.marks else ""
            yield _absent(opening, f.name, available, f" It is wanted as: {f.help} Name it with --map {f.name}=BRANCH{other_layout}.", [*usual, *f.aliases])
    if request.need_truth:
        yield from _without_truth(opening, request)
    for name, kind in request.extra.items():
        if name in opening.branches:
            continue
        if name.startswith(FILES):
            inside = PurePath(opening.source.path).match(name.removeprefix(FILES))
            opening.filled[name] = Field(name, "event", "int32", "Whether the file's name fits.", filling=float(inside))
            continue
        field = kind if isinstance(kind, Field) else Field(name, kind, "float32", "Further branch.", missing=layout.missing)
        if field.kind == "any" and field.missing is None:
            field = replace(field, missing=layout.missing)
        branch = mapping.get(name, (*field.aliases, name)[0])
        if branch not in available:
            if not (field.weight or (field.truth and not request.need_truth)):
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


def _without_truth(opening: Opening, request: Request) -> Iterator[Problem]:
    """Yield what lacks of the truth; of further branches of truth, each one that lacks is said by itself."""
    layout = opening.layout
    if not request.further_truth and not set(layout.truth) & set(opening.branches):
        yield opening.problem(None, f"has no truth (none of {', '.join(layout.truth)}), as real data have none; it is needed here{layout.truth_hint}" if layout.truth else
                              f"has none of the truth that the options take, and its layout is {layout.name}; take options for such files, as those of a preset")
    elif lacking := [name for name in layout.needed_truth if name not in opening.branches]:
        yield opening.problem(None, f"has only a part of the truth, without {', '.join(lacking)}, which is needed here too; "
                                    f"name it with --map {lacking[0]}=BRANCH")


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
            if opening.fields[name].kind == "any":
                opening.fields[name] = _as_found(opening, name, column)
            if opening.fields[name].ragged and not isinstance(column, Ragged) and column.ndim > 1:
                opening.sizes[name] = int(np.prod(column.shape[1:]))
            _, faults = checked(column, opening.fields[name])
            yield from (opening.problem(branch, fault.text) for fault in faults)
            if faults:
                del opening.branches[name]


def _as_found(opening: Opening, name: str, column: Column) -> Field:
    """Return the field of a further branch of which the file says how many values an entry has."""
    field, objects = opening.fields[name], opening.layout.objects
    if not isinstance(column, Ragged) and column.ndim == 1:
        return replace(field, counter="")
    of_objects = objects is not None and objects.counter and opening.branches[name].startswith(objects.branches)
    return field if of_objects else replace(field, counter=f"n_{name}")


def _further_trees(opening: Opening, others: Sequence[str]) -> Iterator[Problem]:
    if others:
        path, name = opening.source.path, opening.source.tree
        listed = " ".join(f"{path}:{tree}" for tree in (name, *others))
        yield opening.warning(f"is read alone, though there are other trees that fit, {' and '.join(map(repr, others))}; name those that are wanted, as {listed}")


def _widen(opening: Opening, tree: Tree) -> None:
    """Take fields with 64 bits whose numbers in this file do not fit into 32."""
    for name, field in opening.fields.items():
        # A branch of a wrong type is forgotten.
        if field.wide and name in opening.branches and np.asarray(tree.read(opening.branches[name], 0, 0)).dtype.itemsize == 8 and _needs_64_bits(opening, tree, opening.branches[name]):
            opening.fields[name] = field.widened


def _needs_64_bits(opening: Opening, tree: Tree, branch: str) -> bool:
    limits = np.iinfo(np.int32)
    try:
        blocks = (np.asarray(tree.read(branch, start, min(start + BLOCK, opening.n_entries))) for start in range(0, opening.n_entries, BLOCK))
        return any(bool((values < limits.min).any() or (values > limits.max).any()) for values in blocks)
    except ProblemError:
        return False  # it is said where the entries are read


def _absent(opening: Opening, branch: str, available: list[str], hint: str = "", aliases: Sequence[str] = ()) -> Problem:
    names = list(dict.fromkeys((*aliases, branch)))
    alike = next((name for name in names if nearest(name, available)), branch)
    return opening.problem(None, f"there is no branch {' or '.join(map(repr, names))}.{did_you_mean(alike, available)}{hint}")


def load(tree: Tree, opening: Opening, start: int, stop: int) -> tuple[Columns, list[Problem]]:
    """Return entries start:stop in the fields' types and units, and every problem found in them.

    A branch that cannot be decoded is left out; one with bad values is returned as it was read.
    Fields with the same counter must have equally many values in every entry.
    """
    columns: Columns = {}
    counts, problems = real_counts(tree, opening, start, stop)
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
            elif (n := pairs_of(opening, field, name, counts)) and not isinstance(column, Ragged):
                column = counted(column, counts[opening.layout.leading_counter], n)
            column, faults = checked(column, field, factor)
        columns[name if opening.kept.get(name) != TEXT else KEEP_TEXT + branch] = column
        problems += [opening.at(branch, start, fault) for fault in faults]
    counters = {name: f.counter for name, f in opening.fields.items() if f.ragged}
    for name, fault in count_faults(columns, counters):
        problems.append(opening.at(opening.branches[name], start, fault))
    columns |= {name: np.full(stop - start, f.filling_value, dtype=f.dtype) for name, f in opening.filled.items()}
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
