"""A ROOT file with one tree of another program's, as that program writes it: nothing else is in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import uproot

from .ragged import Array

AT_A_TIME = 100_000
"""Entries of a basket."""


def write_plain_tree(path: Path, name: str, columns: Mapping[str, Array], title: str = "") -> None:
    """Write columns of one value per row as a TTree, compressed as every version of ROOT reads it.

    Raises:
        OSError: the file cannot be written.
    """
    with uproot.recreate(path, compression=uproot.ZLIB(1)) as file:
        file.mktree(name, {branch: values.dtype for branch, values in columns.items()}, title)
        for start in range(0, max(map(len, columns.values())), AT_A_TIME):
            file[name].extend({branch: values[start : start + AT_A_TIME] for branch, values in columns.items()})
