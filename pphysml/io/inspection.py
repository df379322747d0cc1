"""Describe what is in a ROOT file, and which layouts can read it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from ..errors import InputError
from .foreign import UNKNOWN, known
from .layout_choice import best
from .metadata import metadata_of
from .own_trees import compared, wrong_types
from .root_files import Tree, class_names, open_file, tree_names
from .schema import Layout
from .sources import Source, is_remote
from .units import BranchMap

ALGORITHMS = {1: "zlib", 2: "lzma", 4: "lz4", 5: "zstd"}
"""Numbers in ROOT's compression settings."""


def inspect(path: str, layouts: Mapping[str, Sequence[Layout]] = {}) -> dict[str, Any]:
    """Return what a file holds, as plain values for a table or JSON.

    Args:
        layouts: those of each task that may read it.

    Returns:
        `path`, `size` (bytes), `objects` (name -> class), `metadata` (None if not ours), `problems` (a sentence for
        each part that cannot be read, or is not what was written), `warnings` (what else is to be known) and
        `trees`, each with `name`, `kind`, `entries` (None where it cannot be read) and `branches` (`name`, `type`,
        `compression`; "unknown" where it cannot be found out);
        `tasks`: task -> layout -> required fields that the best tree lacks, [] if it fits;
        `layouts`: task -> the layout that is taken unless --layout names another, or None;
        `refusals`: task -> why it cannot read the file, in a sentence, where that is known.

    Raises:
        InputError: the file cannot be opened.
    """
    facts: dict[str, Any] = {"path": path, "size": None, "objects": {}, "trees": [], "metadata": None, "problems": [], "warnings": []}
    available: dict[str, list[str]] = {}
    with open_file(path) as file:
        facts["size"] = int(file.file.source.num_bytes) if is_remote(path) else os.path.getsize(path)
        facts["objects"] = class_names(file)
        for name, kind in tree_names(file).items():
            try:
                tree = Tree.of(file, path, name)
                available[name] = tree.branches()
                facts["trees"].append(_tree(tree))
            except InputError as error:
                facts["problems"].append(str(error))
                facts["trees"].append({"name": name, "kind": kind, "entries": None, "branches": []})
        try:
            facts["metadata"] = metadata_of(file, path)
            contents, problems = compared(file, path)
            for problem in (*problems, *wrong_types(file, path, contents)):
                facts["problems" if problem.severity == "error" else "warnings"].append(problem.sentence())
        except InputError as error:
            facts["problems"].append(str(error))
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
    compression = _rntuple_compression(tree) if tree.kind == "RNTuple" else _ttree_compression(tree)
    branches = [
        {"name": name, "type": tree.type_name(name), "compression": compression[name]} for name in tree.branches()
    ]
    return {"name": tree.name, "kind": tree.kind, "entries": tree.entries, "branches": branches}


def _ttree_compression(tree: Tree) -> dict[str, str]:
    """Return the algorithm of each branch: its own, or where it names none that of the file."""
    return {name: known(partial(_setting, handle, tree.handle.file)) for name, handle in tree.handles.items()}


def _setting(handle: Any, file: Any) -> str:
    own = handle.compression if handle.member("fCompress") >= 0 else None  # -1 where it is that of the file
    chosen = own or file.compression
    return f"{chosen.name.lower()}({chosen.level})" if chosen is not None and chosen.level else "none"


def _rntuple_compression(tree: Tree) -> dict[str, str]:
    """Return the algorithm of each field, which RNTuple keeps per column and cluster; the first counts."""
    by_field: dict[int, int] = {}
    try:
        groups = tree.handle.page_link_list
        settings = [column.compression_settings for column in groups[0]] if groups else []
        for column, setting in zip(tree.handle.column_records, settings, strict=False):
            by_field.setdefault(column.field_id, setting)
    except Exception:  # a damaged list of pages says nothing of the names and types
        return dict.fromkeys(tree.handles, UNKNOWN)
    return {name: _of_number(by_field.get(handle.field_id)) for name, handle in tree.handles.items()}


def _of_number(setting: int | None) -> str:
    # ROOT writes 100 * algorithm + level; None marks columns that were added later.
    algorithm, level = divmod(setting or 0, 100)
    return f"{ALGORITHMS[algorithm]}({level})" if algorithm in ALGORITHMS and level else "none"
