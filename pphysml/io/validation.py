"""Find every problem of input files, reading them whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ..errors import InputError
from .checksums import named
from .content import BLOCK
from .differences import differences, sentences
from .files import open_file
from .input_file import examine, kinds, load, numbered
from .layout_choice import among
from .opening import Opening, Request
from .problems import Problem, ProblemError, problems_of
from .refusals import Check, Refusals
from .schema import Layout
from .sources import Source
from .trees import InputFile, Tree
from .units import read_mapping

TEXT_TYPE = named("uint8", (), ragged=True)

__all__ = ["Check", "Problem", "validate"]


def validate(
    sources: Sequence[Source],
    layouts: Sequence[Layout],
    mapping: Mapping[str, str] | None = None,
    extra: Iterable[str] = (),
    need_truth: bool = False,
    check: Check | None = None,
    layout: str | None = None,
) -> list[Problem]:
    """Return every problem of every file; of bad values, the first of each kind and branch, and how many there are.

    Checked are: file, tree, branches and their types, number of entries, damaged baskets, lengths,
    values that are not finite or out of range, and, in files that this program wrote, the checksum
    of every branch, which also finds changed bytes that decode without an error. Of what `check`
    refuses, in files and blocks that are right otherwise, the first of each kind; where examples are
    made of many entries, the first of a file.

    Args:
        extra, layout: as for `Reader`.
        check: of every block; truth that it can do nothing with in any entry is a warning unless
            `need_truth`.

    Raises:
        ConfigError: a mapping that fits no layout.
    """
    layouts = among(layouts, layout)
    branch_map = read_mapping(mapping or {}, layouts, list(extra))
    request = Request(layouts, branch_map, kinds(extra), need_truth=need_truth)
    problems: list[Problem] = []
    openings: list[Opening] = []
    for source in sources:
        try:
            opening = examine(source, request)
        except InputError as error:
            problems += problems_of(error)
            continue
        errors = any(problem.severity == "error" for problem in opening.problems)
        if not errors:
            openings.append(opening)
        problems += opening.problems
        problems += _data_problems(opening, None if errors else check, need_truth)
    return problems + list(_differences(openings, need_truth))


def _data_problems(opening: Opening, check: Check | None, need_truth: bool) -> list[Problem]:
    refusals = None if check is None else Refusals(opening, check, need_truth)
    try:
        with open_file(opening.source.path) as file:
            tree = file.tree(opening.source.tree or "", opening.content)
            return [*_bad_values(tree, opening, refusals), *_silent_damage(file, tree, opening)]
    except InputError as error:
        return problems_of(error)


def _bad_values(tree: Tree, opening: Opening, refusals: Refusals | None) -> Iterator[Problem]:
    """Yield, over all blocks, the first problem of each kind, and with it how many further entries have it."""
    first: dict[object, Problem] = {}
    for start in range(0, opening.n_entries, BLOCK):
        stop = min(start + BLOCK, opening.n_entries)
        columns, bad = load(tree, opening, start, stop)
        found: list[tuple[object, Problem]] = [(_kind(problem), problem) for problem in bad]
        if refusals is not None and found:
            refusals.leave_out()
        elif refusals is not None:
            found = refusals.of(numbered(columns, 0, start, stop))
        for kind, problem in found:
            first[kind] = _joined(first[kind], problem) if kind in first else problem
    yield from first.values()
    yield from (problem for _, problem in (refusals.of(None) if refusals is not None else ()))


def _kind(problem: Problem) -> object:
    """Return what the problems of a branch share that differ in nothing but their numbers."""
    return problem.branch, re.sub(r"value \S+|[-+.\d]+", "", problem.message)


def _joined(first: Problem, other: Problem) -> Problem:
    """Return a problem that is found again in other entries; damage names a range of entries itself."""
    return first if first.entry is None or first.message.startswith("entries ") else replace(first, more=first.more + 1 + other.more)


def _silent_damage(file: InputFile, tree: Tree, opening: Opening) -> Iterator[Problem]:
    """Compare the branches that are not read by the task, and further trees, with what was written into our own files."""
    if tree.name not in opening.contents:
        return
    yield from _wrong_content(tree, set(opening.branches.values()))
    for name, content in opening.contents.items():
        if name != tree.name:
            yield from _wrong_content(file.tree(name, content), set())


def _wrong_content(tree: Tree, reported: set[str]) -> Iterator[Problem]:
    """Read the branches that were written, those that are `reported` left out, and yield what is wrong with each."""
    for branch in sorted(tree.content.branches & set(tree.branches()) - reported):
        text = tree.content.types.get(branch) == TEXT_TYPE and tree.holds_texts(branch)
        try:
            for start in range(0, tree.entries, BLOCK):
                tree.read(branch, start, min(start + BLOCK, tree.entries), text)
        except ProblemError as error:
            yield error.problems[0]


def _differences(openings: Sequence[Opening], need_truth: bool) -> Iterator[Problem]:
    """Warn of optional columns that only some of the files have, with what is done with them when all are read together."""
    found = differences(openings, need_truth)
    for opening in openings:
        for sentence in sentences(d for d in found if d.name in opening.branches):
            yield Problem(opening.source.path, opening.source.tree, None, None, sentence, "warning")
