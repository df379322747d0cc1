"""Describe what is in a ROOT file, and which layouts can read it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from ..errors import InputError
from .layout_choice import choose
from .metadata import metadata_of
from .root_files import Tree, open_file, tree_names
from .schema import Layout
from .sources import Source, is_remote

ALGORITHMS = {1: "zlib", 2: "lzma", 4: "lz4", 5: "zstd"}
"""Numbers in ROOT's compression settings."""


def inspect(path: str) -> dict[str, Any]:
    """Return what a file holds, as plain values for a table or JSON.

    Returns:
        `path`, `size` (bytes), `objects` (name -> class), `metadata` (None if not ours) and
        `trees`, each with `name`, `kind`, `entries` and `branches` (`name`, `type`, `compression`).

    Raises:
        InputError: the file cannot be opened.
    """
    with open_file(path) as file:
        trees = [_tree(Tree.of(file, path, name)) for name in tree_names(file)]
        return {
            "path": path,
            "size": int(file.file.source.num_bytes) if is_remote(path) else os.path.getsize(path),
            "objects": dict(file.classnames(recursive=True, cycle=False)),
            "trees": trees,
            "metadata": metadata_of(file, path),
        }


def matches(path: str, layouts: Sequence[Layout]) -> dict[str, list[str]]:
    """Return layout name -> required fields that the best tree of the file lacks; [] if it fits.

    Raises:
        InputError: the file cannot be opened.
    """
    with open_file(path) as file:
        available = [Tree.of(file, path, name).branches() for name in tree_names(file)] or [[]]
    lacking = {
        layout.name: min(([f.name for f in layout.lacking(names)] for names in available), key=len)
        for layout in layouts
    }
    return lacking


def default_layout(path: str, layouts: Sequence[Layout]) -> str | None:
    """Return the name of the layout that reading takes unless --layout names another; None if none fits, or a tree must be named.

    Raises:
        InputError: the file cannot be opened.
    """
    with open_file(path) as file:
        try:
            layout, tree = choose(file, Source(path), layouts, {})
        except InputError:
            return None
        return None if layout.lacking(Tree.of(file, path, tree).branches()) else layout.name


def _tree(tree: Tree) -> dict[str, Any]:
    compression = _rntuple_compression(tree) if tree.kind == "RNTuple" else _ttree_compression(tree)
    branches = [
        {"name": name, "type": tree.type_name(name), "compression": compression.get(name, "none")}
        for name in tree.branches()
    ]
    return {"name": tree.name, "kind": tree.kind, "entries": tree.entries, "branches": branches}


def _ttree_compression(tree: Tree) -> dict[str, str]:
    """Return the algorithm of each branch: its own, or where it names none that of the file."""
    found: dict[str, str] = {}
    for name in tree.branches():
        chosen = tree.handle[name].compression or tree.handle.file.compression
        if chosen is not None and chosen.level:
            found[name] = f"{chosen.name.lower()}({chosen.level})"
    return found


def _rntuple_compression(tree: Tree) -> dict[str, str]:
    """Return the algorithm of each field, which RNTuple keeps per column and cluster; the first counts."""
    groups = tree.handle.page_link_list
    settings = [column.compression_settings for column in groups[0]] if groups else []
    by_field: dict[int, int] = {}
    for column, setting in zip(tree.handle.column_records, settings, strict=False):
        by_field.setdefault(column.field_id, setting)
    found: dict[str, str] = {}
    for name in tree.branches():
        # ROOT writes 100 * algorithm + level; None marks columns that were added later.
        algorithm, level = divmod(by_field.get(tree.handle[name].field_id) or 0, 100)
        if algorithm in ALGORITHMS and level:
            found[name] = f"{ALGORITHMS[algorithm]}({level})"
    return found
