"""How the branches and fields of ROOT files are compressed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from .foreign import UNKNOWN, known

ALGORITHMS = {1: "zlib", 2: "lzma", 4: "lz4", 5: "zstd"}
"""Numbers in ROOT's compression settings."""


def of_ttree(tree: Any, handles: Mapping[str, Any]) -> dict[str, str]:
    """Return the algorithm of each branch: its own, or where it names none that of the file."""
    return {name: known(partial(_setting, handle, tree.file)) for name, handle in handles.items()}


def of_rntuple(tree: Any, handles: Mapping[str, Any]) -> dict[str, str]:
    """Return the algorithm of each field, which RNTuple keeps per column and cluster; the first counts."""
    by_field: dict[int, int] = {}
    try:
        groups = tree.page_link_list
        settings = [column.compression_settings for column in groups[0]] if groups else []
        for column, setting in zip(tree.column_records, settings, strict=False):
            by_field.setdefault(column.field_id, setting)
    except Exception:  # a damaged list of pages says nothing of the names and types
        return dict.fromkeys(handles, UNKNOWN)
    return {name: _of_number(by_field.get(handle.field_id)) for name, handle in handles.items()}


def _setting(handle: Any, file: Any) -> str:
    own = handle.compression if handle.member("fCompress") >= 0 else None  # -1 where it is that of the file
    chosen = own or file.compression
    return f"{chosen.name.lower()}({chosen.level})" if chosen is not None and chosen.level else "none"


def _of_number(setting: int | None) -> str:
    # ROOT writes 100 * algorithm + level; None marks columns that were added later.
    algorithm, level = divmod(setting or 0, 100)
    return f"{ALGORITHMS[algorithm]}({level})" if algorithm in ALGORITHMS and level else "none"
