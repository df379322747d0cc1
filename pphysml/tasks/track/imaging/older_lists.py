"""Lists that an earlier output of the same name has left, in any format: a reconstruction would take them for new ones."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ....errors import InputError
from ....io.metadata import read_metadata
from .list_files import SUFFIXES, list_patterns
from .pct_pairs import is_pct_header

KEPT = "older_lists"
"""Fact of an output that names them, so that the next one knows them too."""


def older_lists(output: Path, written: Collection[Path]) -> list[Path]:
    """Return the files beside an output that are lists of earlier ones, in order.

    They are those that the output names whose place this one takes. Those of pairs are known by their headers, too; a
    ROOT file is not, since the user, or the Toolkit, may have one of the same name and tree.

    Args:
        written: those of this output.
    """
    named = [pattern for format in SUFFIXES for pattern in list_patterns(output, format)]
    found = {output.with_name(name) for name in _listed(output) if any(fnmatchcase(name, pattern) for pattern in named)}
    for header in (path for pattern in list_patterns(output, "rtk") for path in output.parent.glob(pattern)):
        if header.suffix == ".mhd" and is_pct_header(header):
            found |= {header, header.with_suffix(".raw")}
    return sorted(path for path in found - {*written} if path.is_file())


def _listed(output: Path) -> list[str]:
    """Return the names of the lists of the output that is there, and of those that it has found."""
    try:
        facts: Any = (read_metadata(str(output)) or {}).get("facts") if output.is_file() else None
    except InputError:
        return []
    listed = [path for key in ("list_files", KEPT) for path in facts.get(key, [])] if isinstance(facts, dict) else []
    return [Path(path).name for path in listed]
