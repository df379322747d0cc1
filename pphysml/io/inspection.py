"""Describe what is in an input file, and which layouts can read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InputError
from .files import open_file
from .layout_choice import best, of_kind
from .metadata import metadata_of
from .own_trees import compared, wrong_types
from .schema import Layout
from .sources import Source
from .trees import Tree
from .units import BranchMap


def inspect(path: str, layouts: Mapping[str, Sequence[Layout]] = {}) -> dict[str, Any]:
    """Return what a file holds, as plain values for a table or JSON.

    Args:
        layouts: those of each task that may read it.

    Returns:
        `path`, `size` (bytes), `objects` (name -> class), `metadata` (None if not ours), `problems` (a sentence for
        each part that cannot be read, or is not what was written), `warnings` (what else is to be known) and
        `trees`, each with `name`, `kind`, `entries` (None where it cannot be read) and `branches` (`name`, `type`,
        `compression`; "unknown" where it cannot be found out);
        `tasks`: task -> layout of this kind of file -> required fields that the best tree lacks, [] if it fits;
        `layouts`: task -> the layout that is taken unless --layout names another, or None;
        `refusals`: task -> why it cannot read the file, in a sentence, where that is known.

    Raises:
        InputError: the file cannot be opened.
    """
    facts: dict[str, Any] = {"path": path, "size": None, "objects": {}, "trees": [], "metadata": None, "problems": [], "warnings": []}
    available: dict[str, list[str]] = {}
    with open_file(path) as file:
        facts["size"] = file.size
        facts["objects"] = file.class_names()
        for name, kind in file.tree_names().items():
            try:
                tree = file.tree(name)
                available[name] = tree.branches()
                facts["trees"].append(_tree(tree))
            except InputError as error:
                facts["problems"].append(str(error))
                facts["trees"].append({"name": name, "kind": kind, "entries": None, "branches": []})
        try:
            facts["metadata"] = metadata_of(file)
            contents, problems = compared(file)
            for problem in (*problems, *wrong_types(file, contents)):
                facts["problems" if problem.severity == "error" else "warnings"].append(problem.sentence())
        except InputError as error:
            facts["problems"].append(str(error))
        layouts = {task: them for task, every in layouts.items() if (them := of_kind(every, file.kind))}
    facts["tasks"] = {task: _lacking(available, them) for task, them in layouts.items()}
    facts["layouts"] = {task: _default(available, path, them) for task, them in layouts.items()}
    reasons = {task: _refusal(available, path, them) for task, them in layouts.items() if facts["layouts"][task] is None}
    facts["refusals"] = {task: reason for task, reason in reasons.items() if reason is not None}
    return facts


def _lacking(trees: Mapping[str, list[str]], layouts: Sequence[Layout]) -> dict[str, list[str]]:
    return {
        layout.name: min(([f.name for f in layout.lacking(names)] for names in list(trees.values()) or [[]]), key=len)
        for layout in layouts
    }


def _default(trees: Mapping[str, list[str]], path: str, layouts: Sequence[Layout]) -> str | None:
    """Return the layout that reading takes by itself; None if none fits, or a tree must be named."""
    try:
        layout, name = best(trees, Source(path), layouts, BranchMap())
    except InputError:
        return None
    return None if layout.lacking(trees[name]) else layout.name


def _refusal(trees: Mapping[str, list[str]], path: str, layouts: Sequence[Layout]) -> str | None:
    """Return what the best tree is, where it is known to be no tree of these layouts."""
    try:
        layout, name = best(trees, Source(path), layouts, BranchMap())
    except InputError:
        return None
    other = layout.lookalike(trees[name])
    return None if other is None else f"tree {name!r} {other.reason}."


def _tree(tree: Tree) -> dict[str, Any]:
    compression = tree.compressions()
    branches = [
        {"name": name, "type": tree.type_name(name), "compression": compression[name]} for name in tree.branches()
    ]
    return {"name": tree.name, "kind": tree.kind, "entries": tree.entries, "branches": branches}
