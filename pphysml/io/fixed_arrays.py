"""Branches that have equally many values in every entry of a file: how many of them are real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from .checks import Fault
from .opening import Opening
from .padding import faults, without_zeros
from .problems import Problem, ProblemError
from .ragged import Array, Ragged
from .schema import Field
from .trees import Tree

LOOKED_AT = 1_000
"""Entries by which it is seen whether such arrays are padded with zeros."""


def find_padding(opening: Opening, tree: Tree) -> Iterator[Problem]:
    """Find out how many values of arrays of a fixed size are real; say so."""
    for f in [f for f in opening.layout.fields if f.counts and f.name in opening.branches]:
        branch, arrays = opening.branches.pop(f.name), [n for n in opening.sizes if opening.fields[n].counter == f.counts]
        if arrays and _is_single(tree, branch):
            opening.counts[f.counts] = f, branch
            yield opening.warning(f"{_listed(opening, arrays)}: all entries have equally many values, of which the first "
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
        yield opening.warning(f"{_listed(opening, names)}: all entries have {opening.sizes[names[0]]} values, and those at the end that are "
                              f"0 in all of them are taken for padding and left out; {_number_with(opening, names)}")


def real_counts(tree: Tree, opening: Opening, start: int, stop: int) -> tuple[dict[str, Array], list[Problem]]:
    """Return how many values of arrays of a fixed size are real, by counter, and what is wrong with these numbers."""
    found: dict[str, Array] = {}
    problems: list[Problem] = []
    try:
        problems += _fill_counts(found, tree, opening, start, stop)
    except ProblemError as error:
        problems += error.problems
    return found, problems


def pairs_of(opening: Opening, field: Field, name: str, counts: Mapping[str, Array]) -> int:
    """Return for a column of pairs of objects whose arrays are padded how many objects these have; 0 for another."""
    leading = opening.layout.leading_counter
    sizes = {size for other, size in opening.sizes.items() if opening.fields[other].counter == leading}
    n = max(sizes, default=0)
    return n if leading in counts and field.kind == "pair" and len(sizes) == 1 and opening.sizes.get(name) == n * n else 0


def _fill_counts(found: dict[str, Array], tree: Tree, opening: Opening, start: int, stop: int) -> Iterator[Problem]:
    for counter, (_, branch) in opening.counts.items():
        sizes = {opening.branches[name]: size for name, size in opening.sizes.items()
                 if name in opening.branches and opening.fields[name].counter == counter}
        if not sizes:
            continue  # other files lack these columns, so that they are left out
        given = np.asarray(tree.read(branch, start, stop))
        wrong = list(faults(given, sizes))
        yield from (opening.at(branch, start, fault) for fault in wrong)
        found[counter] = np.clip(np.nan_to_num(given), 0, min(sizes.values())).astype(np.int64) if wrong else given.astype(np.int64)
    if names := opening.padding:
        counts, size = _real(tree, opening, names, start, stop), opening.sizes[names[0]]
        if opening.padded:
            found[opening.fields[names[0]].counter] = counts
        elif (counts < size).any():
            padded = np.flatnonzero(counts < size)
            text = f"ends with values that are 0 as in {_listed(opening, names[1:])}, unlike the first entries; {_number_with(opening, names)}"
            yield opening.at(opening.branches[names[0]], start, Fault(int(padded[0]), text, len(padded) - 1))


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
