"""Find every problem of input files, reading them whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..errors import InputError
from ..task import Layout
from .files import Tree, open_file
from .loading import load
from .metadata import Checksum
from .opening import Opening, Request, examine
from .problems import Problem, ProblemError
from .sources import Source
from .units import read_mapping

BLOCK = 20_000

__all__ = ["Problem", "validate"]


def validate(
    sources: Sequence[Source],
    layouts: Sequence[Layout],
    mapping: Mapping[str, str] | None = None,
    extra: Sequence[str] = (),
    need_truth: bool = False,
) -> list[Problem]:
    """Return every problem of every file; of bad values, the first of each branch.

    Checked are: file, tree, branches and their types, number of entries, damaged baskets, lengths,
    values that are not finite or out of range, and, in files that this program wrote, the checksum
    of every branch, which also finds changed bytes that decode without an error.

    Raises:
        ConfigError: a mapping that fits no layout.
    """
    branch_map = read_mapping(mapping or {}, layouts, extra)
    request = Request(layouts, branch_map, tuple(extra), need_truth=need_truth)
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
        problems += _data_problems(opening, branch_map.factors)
    return problems + list(_differences(openings))


def _data_problems(opening: Opening, factors: Mapping[str, float]) -> list[Problem]:
    path, name = opening.source.path, opening.source.tree or ""
    try:
        with open_file(path) as file:
            tree = Tree.of(file, path, name)
            return [*_bad_values(tree, opening, factors), *_silent_damage(tree, opening)]
    except ProblemError as error:
        return error.problems
    except InputError as error:
        return [Problem(path, name, None, None, str(error))]


def _bad_values(tree: Tree, opening: Opening, factors: Mapping[str, float]) -> Iterator[Problem]:
    """Yield the first problem of each branch, over all blocks."""
    reported: set[str | None] = set()
    for start in range(0, opening.n_entries, BLOCK):
        _, problems = load(tree, opening, factors, start, min(start + BLOCK, opening.n_entries))
        for problem in problems:
            if problem.branch not in reported:
                yield problem
        reported |= {problem.branch for problem in problems}


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
