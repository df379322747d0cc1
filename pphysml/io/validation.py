"""Find every problem of input files, reading them whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import InputError, TruthError
from ..registry import load_attribute
from ..task import Layout
from .files import Tree, open_file
from .loading import load, numbered
from .metadata import Checksum
from .opening import Opening, Request, examine, kinds
from .problems import EntriesError, Problem, ProblemError
from .ragged import Columns, length, take
from .sources import Source
from .units import read_mapping

BLOCK = 20_000

Check = Callable[[Columns], object]
"""What raises InputError for canonical columns that a task cannot use."""

__all__ = ["Check", "Problem", "validate"]


def validate(
    sources: Sequence[Source],
    layouts: Sequence[Layout],
    mapping: Mapping[str, str] | None = None,
    extra: Iterable[str] = (),
    need_truth: bool = False,
    check: Check | None = None,
) -> list[Problem]:
    """Return every problem of every file; of bad values, the first of each branch.

    Checked are: file, tree, branches and their types, number of entries, damaged baskets, lengths,
    values that are not finite or out of range, and, in files that this program wrote, the checksum
    of every branch, which also finds changed bytes that decode without an error. Of what `check`
    refuses, in files and blocks that are right otherwise, the first of each kind.

    Args:
        extra: as for `Reader`.
        check: called with every block; truth that it can do nothing with in any entry is a warning
            unless `need_truth`.

    Raises:
        ConfigError: a mapping that fits no layout.
    """
    branch_map = read_mapping(mapping or {}, layouts, list(extra))
    request = Request(layouts, branch_map, kinds(extra), need_truth=need_truth)
    problems: list[Problem] = []
    openings: list[Opening] = []
    for source in sources:
        try:
            opening = examine(source, request)
        except ProblemError as error:
            problems += error.problems
            continue
        if not opening.problems:
            openings.append(opening)
        problems += opening.problems
        problems += _data_problems(opening, branch_map.factors, None if opening.problems else check, need_truth)
    return problems + list(_differences(openings))


def _data_problems(opening: Opening, factors: Mapping[str, float], check: Check | None, need_truth: bool) -> list[Problem]:
    path, name = opening.source.path, opening.source.tree or ""
    try:
        with open_file(path) as file:
            tree = Tree.of(file, path, name)
            return [*_bad_values(tree, opening, factors, check, need_truth), *_silent_damage(tree, opening)]
    except ProblemError as error:
        return error.problems
    except InputError as error:
        return [Problem(path, name, None, None, str(error))]


def _bad_values(tree: Tree, opening: Opening, factors: Mapping[str, float], check: Check | None, need_truth: bool) -> Iterator[Problem]:
    """Yield, over all blocks, the first bad value of each branch, and the first of each kind of refusal."""
    reported: set[tuple[str | None, str]] = set()
    for start in range(0, opening.n_entries, BLOCK):
        stop = min(start + BLOCK, opening.n_entries)
        columns, problems = load(tree, opening, factors, start, stop)
        kinds_found = [(problem.branch, "") for problem in problems]
        if check is not None and not problems:
            problems = list(_refused(numbered(columns, 0, start, stop), opening, check, need_truth))
            # What is refused for the same reason differs in numbers only.
            kinds_found = [(problem.branch, re.sub(r"\d+", "", problem.message)) for problem in problems]
        yield from (problem for kind, problem in zip(kinds_found, problems, strict=True) if kind not in reported)
        reported |= set(kinds_found)


def _refused(columns: Columns, opening: Opening, check: Check, need_truth: bool) -> Iterator[Problem]:
    """Yield what is refused of a block; the entries refused are left out then, to find what else there is."""
    path, tree, convert = opening.source.path, opening.source.tree, opening.layout.to_canonical
    while length(columns):
        try:
            check(columns if convert is None else load_attribute(convert)(columns))
            return
        except EntriesError as error:
            entry = int(np.asarray(columns["entry"])[error.bad][0])
            yield Problem(path, tree, opening.branches.get(error.branch, error.branch), entry, error.reason)
            columns = take(columns, ~error.bad)
        except InputError as error:
            severe = need_truth or not isinstance(error, TruthError)
            yield Problem(path, tree, None, None, str(error), "error" if severe else "warning")
            return


def _silent_damage(tree: Tree, opening: Opening) -> Iterator[Problem]:
    """Compare the checksums of our own files; a branch that cannot be decoded is damaged too."""
    metadata: dict[str, Any] = opening.metadata or {}
    if metadata.get("tree") != tree.name:
        return
    available = tree.branches()
    for branch, expected in metadata.get("checksums", {}).items():
        if branch not in available:
            yield Problem(tree.path, tree.name, None, None, f"the branch {branch!r} that was written is not there")
            continue
        checksum = Checksum()
        try:
            for start in range(0, tree.entries, BLOCK):
                checksum.update(tree.read(branch, start, min(start + BLOCK, tree.entries)))
        except ProblemError as error:
            # Those of the layout's own branches have been reported with the values.
            yield from (p for p in error.problems if branch not in opening.branches.values())
            continue
        if checksum.hexdigest() != expected:
            message = "its content is not what was written (checksum); copy the file again"
            yield Problem(tree.path, tree.name, branch, None, message)


def _differences(openings: Sequence[Opening]) -> Iterator[Problem]:
    """Warn of optional branches that only some of the files have; reading leaves them out."""
    everywhere = set.intersection(*(set(o.branches) for o in openings)) if openings else set()
    for opening in openings:
        only_some = sorted(set(opening.branches) - everywhere)
        if only_some:
            message = f"{', '.join(only_some)}: not in all files, so not read when they are read together"
            yield Problem(opening.source.path, opening.source.tree, None, None, message, "warning")
