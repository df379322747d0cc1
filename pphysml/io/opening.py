"""Look into one input file: which layout and tree, which branches, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import did_you_mean, nearest
from .checks import checked
from .files import Tree, open_file, tree_names
from .metadata import announced_entries, metadata_of
from .problems import Problem, ProblemError
from .schema import Field, Kind, Layout
from .sources import Source
from .units import BranchMap, conversion

KEEP = "keep:"
"""Prefix of the columns that are carried over as they are."""

SPACING = "spacing:"
"""Prefix of the columns that tell how fine the values of a file are; see `task.Field`."""


@dataclass(frozen=True)
class Request:
    """What is wanted of every input file; see `reader.Reader`."""

    layouts: Sequence[Layout]
    mapping: BranchMap = field(default_factory=BranchMap)
    extra: Mapping[str, Kind] = field(default_factory=dict)
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
        problems: everything that is wrong so far.
    """

    source: Source
    layout: Layout
    branches: dict[str, str]
    fields: dict[str, Field]
    factors: dict[str, float]
    n_entries: int
    metadata: dict[str, Any] | None
    problems: list[Problem]


def examine(source: Source, request: Request) -> Opening:
    """Open a file, choose layout and tree, and check that every branch wanted is there and readable.

    Raises:
        InputError: the file cannot be opened, or no tree fits; other problems are collected.
    """
    with open_file(source.path) as file:
        metadata = metadata_of(file, source.path)
        layout, name = choose(file, source, request)
        tree = Tree.of(file, source.path, name)
        opening = Opening(replace(source, tree=name), layout, {}, {}, {}, tree.entries, metadata, [])
        opening.problems += _select(opening, tree.branches(), request)
        opening.problems += _wrong_types(opening, tree)
        opening.problems += _lost_entries(opening)
        return opening


def choose(file: Any, source: Source, request: Request) -> tuple[Layout, str]:
    """Return the first layout that fits and its tree: the one asked for, a preferred one, the only one.

    Where nothing fits, the layout and tree are returned that miss the smallest share of their branches.

    Raises:
        InputError: there is no tree, not the one asked for, or several fit and none is preferred.
    """
    names = [source.tree] if source.tree else list(tree_names(file))
    trees = {name: Tree.of(file, source.path, name).branches() for name in names}
    if not trees:
        raise ProblemError([Problem(source.path, None, None, None, "there is no tree in it")])
    fitting = {layout.name: [name for name in names if not missing(layout, trees[name], request.mapping.branches)] for layout in request.layouts}
    # The same branches may mean something else in a tree that another layout prefers.
    for layout in request.layouts:
        preferred = [name for name in layout.trees if name in fitting[layout.name]]
        if preferred:
            return layout, preferred[0]
    for layout in request.layouts:
        if len(fitting[layout.name]) == 1:
            return layout, fitting[layout.name][0]
        if fitting[layout.name]:
            listed = " and ".join(map(repr, fitting[layout.name]))
            message = f"the trees {listed} all fit; name one as {source.path}:{fitting[layout.name][0]} or with --tree"
            raise ProblemError([Problem(source.path, None, None, None, message)])
    pairs = [(layout, name) for layout in request.layouts for name in names]
    return min(pairs, key=lambda pair: (_lacking(pair[0], trees[pair[1]], request), pair[1] not in pair[0].trees))


def _lacking(layout: Layout, available: Sequence[str], request: Request) -> float:
    return len(missing(layout, available, request.mapping.branches)) / sum(f.required for f in layout.fields)


def missing(layout: Layout, available: Sequence[str], mapping: Mapping[str, str]) -> list[Field]:
    """Return the required fields that a tree does not have."""
    found = layout.branches(available, mapping)
    return [f for f in layout.fields if f.required and f.name not in found]


def truth_fields(layout: Layout) -> list[str]:
    """Return the truth of which one field is enough: labels count only where there is nothing else."""
    truth = [f for f in layout.fields if f.truth]
    return [f.name for f in truth if f.kind != "label"] or [f.name for f in truth]


def kinds(extra: Iterable[str]) -> dict[str, Kind]:
    """Return what the values of further branches belong to; names alone are branches of leaves."""
    return dict(extra) if isinstance(extra, Mapping) else dict.fromkeys(extra, "particle")


def leading_counter(layout: Layout) -> str:
    """Return the counter of the first required ragged field, which further leaf branches share."""
    ragged = [f for f in layout.fields if f.ragged]
    first = next((f for f in ragged if f.required), ragged[0] if ragged else None)
    return first.counter if first else ""


def is_text(opening: Opening, name: str) -> bool:
    """Return whether a column holds texts; only a field can say so."""
    return name in opening.fields and opening.fields[name].text


def _select(opening: Opening, available: list[str], request: Request) -> Iterator[Problem]:
    """Fill in which branch serves which column; yield what is not there."""
    layout, mapping = opening.layout, request.mapping.branches
    opening.branches.update(layout.branches(available, mapping))
    opening.fields.update({f.name: f for f in layout.fields if f.name in opening.branches})
    for f in opening.fields.values():
        opening.factors[f.name] = conversion(f.alias_units.get(opening.branches[f.name], f.unit), f.unit)
    opening.factors.update(request.mapping.factors)
    for f in layout.fields:
        if f.name in mapping and f.name not in opening.branches:
            yield _absent(opening, mapping[f.name], available)
        elif f.required and f.name not in opening.branches:
            yield _absent(opening, f.name, available, f" It is wanted as: {f.help} Name it with --map {f.name}=BRANCH.", f.aliases)
    truth = truth_fields(layout)
    if request.need_truth and not set(truth) & set(opening.branches):
        message = f"has no truth (none of {', '.join(truth)}), as real data have none; it is needed here"
        yield _problem(opening, None, message)
    elif request.need_truth and (lacking := [name for name in layout.needed_truth if name not in opening.branches]):
        yield _problem(opening, None, f"has only a part of the truth, without {', '.join(lacking)}, which is needed here too; "
                                      f"name it with --map {lacking[0]}=BRANCH")
    for name, kind in request.extra.items():
        if name in opening.branches:
            continue
        branch = mapping.get(name, name)
        if branch not in available:
            yield _absent(opening, branch, available, f" Name it with --map {name}=BRANCH.")
            continue
        opening.branches[name] = branch
        # How many pairs there are depends on the leaves; the task compares them.
        counter = f"n_{name}" if kind == "pair" else leading_counter(layout)
        opening.fields[name] = Field(name, kind, "float32", "Further branch.", counter=counter, missing=layout.missing)
    for name in request.keep:
        if name in available:
            opening.branches[KEEP + name] = name
        else:
            yield _absent(opening, name, available)


def _wrong_types(opening: Opening, tree: Tree) -> Iterator[Problem]:
    """Read no entry of every branch, which is enough to know its type; forget the branches that fail."""
    for name, branch in list(opening.branches.items()):
        try:
            column = tree.read(branch, 0, 0, is_text(opening, name))
        except ProblemError as error:
            yield from error.problems
            del opening.branches[name]
            continue
        if name in opening.fields:
            _, faults = checked(column, opening.fields[name])
            yield from (_problem(opening, branch, message) for _, message in faults)
            if faults:
                del opening.branches[name]


def _lost_entries(opening: Opening) -> Iterator[Problem]:
    tree = opening.source.tree or ""
    announced = announced_entries(opening.metadata, tree)
    if announced is not None and announced != opening.n_entries:
        yield _problem(opening, None, f"has {opening.n_entries} entries, but was written with {announced}; copy it again")


def _absent(opening: Opening, branch: str, available: list[str], hint: str = "", aliases: Sequence[str] = ()) -> Problem:
    names = list(dict.fromkeys((*aliases, branch)))
    alike = next((name for name in names if nearest(name, available)), branch)
    return _problem(opening, None, f"there is no branch {' or '.join(map(repr, names))}.{did_you_mean(alike, available)}{hint}")


def _problem(opening: Opening, branch: str | None, message: str) -> Problem:
    return Problem(opening.source.path, opening.source.tree, branch, None, message)
