"""The published npz files of the digital tracking calorimeter (Zenodo 7426388) as columns of `gate-hits`.

Each holds one structured array `arr_0` with one row per step in a sensor, and GATE's own names: `eventID`,
`trackID`, `parentID`, `posX`, `posY`, `posZ`, `edep`, numbers of volumes as GATE 9.1 (`baseID`, `level1ID`) or
9.2 (`level1ID`, `level2ID`, or `volumeID[2]`, `volumeID[3]`) gives them, and `spotX`, `spotY` in some.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ....errors import InputError, did_you_mean, shortened
from ....io.checks import checked
from ....io.npy import read_npz
from ....io.problems import Problem, ProblemError
from ....io.ragged import Array, Columns, Ragged
from ....io.sources import absent, matching, names_in
from ..schema import GATE

KEY = "arr_0"
VOLUME = re.compile(r"volumeID\[\d+\]")
COLUMNS = {name for field in GATE.fields for name in (field.name, *field.aliases)}
"""GATE's names of what is read."""
SPLITS = ("train", "val", "test")
ROWS = 200_000
"""Rows that are handed on at a time."""


def columns(paths: Sequence[str]) -> Iterator[Columns]:
    """Yield the rows of all files in turn, with the rows of an event together.

    With several files, `run` is the number of the file, since their events have the same numbers.

    Args:
        paths: files, patterns, or folders whose npz files are all taken.

    Raises:
        InputError: files that are not there, are none of these, or differ in their columns.
    """
    files = find(paths)
    names: set[str] | None = None
    for number, file in enumerate(files):
        rows = _together(_read(file))
        found = _canonical(rows, file)
        if len(files) > 1 or "run" not in found:
            found["run"] = np.full(len(rows), number, dtype=np.int64)
        names = names or set(found)
        if set(found) != names:
            different = ", ".join(sorted(set(found) ^ names))
            raise InputError(f"{file}: differs from {files[0]} in the columns {different}; import them one by one.")
        for start in range(0, len(rows), ROWS):
            yield {name: column.slice(start, min(start + ROWS, len(rows))) if isinstance(column, Ragged) else column[start : start + ROWS]
                   for name, column in found.items()}


def find(paths: Sequence[str]) -> list[Path]:
    """Return the files that are meant, each once; those of folders and patterns in natural order.

    Raises:
        InputError: nothing is there, or a folder holds data for training beside others.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        found += _of_folder(path) if os.path.isdir(path) else list(map(Path, matching(str(path)))) or [path]
    for file in found:
        if not os.path.exists(file):
            raise absent(str(file))
        if not os.path.isfile(file):
            raise InputError(f"{file}: is no file.")
    return list(dict.fromkeys(found))


def _of_folder(folder: Path) -> list[Path]:
    files = [folder / name for name in names_in(str(folder)) if name.endswith(".npz")]
    if not files:
        raise InputError(f"{folder}: there is no npz file in it.")
    splits = sorted({split for split in SPLITS for file in files if split in re.split(r"[_.\-]", file.name)})
    if len(splits) > 1:
        raise InputError(f"{folder}: holds {', '.join(splits)}; name the files of one, for example '{folder}/{splits[0]}_*.npz'.")
    return files


def _read(file: Path) -> Array:
    rows = read_npz(file, KEY)
    if rows.dtype.names is None or rows.ndim != 1:
        raise InputError(f"{file}: {KEY!r} holds {shortened(str(rows.dtype))} of shape {rows.shape}, but must be one row of records with names.")
    for name in rows.dtype.names:
        if (name in COLUMNS or VOLUME.fullmatch(name)) and rows.dtype[name].kind not in "iuf":
            raise InputError(f"{file}: the column {name!r} of {KEY!r} holds {rows.dtype[name]}, and no numbers.")
    return rows


def _together(rows: Array) -> Array:
    """Return rows ordered such that those of an event follow one another."""
    names = rows.dtype.names or ()
    keys = [rows[name] for name in ("eventID", "runID") if name in names]
    if not keys or all((np.diff(key) >= 0).all() for key in keys):
        return rows
    ordered: Array = rows[np.lexsort(keys)]
    return ordered


def _canonical(rows: Array, file: Path) -> Columns:
    """Return the columns of the layout that the file has, in its types and checked.

    Raises:
        InputError: a required one is missing, or a value cannot be used.
    """
    names = list(rows.dtype.names or ())
    branches = GATE.branches([name for name in names if not VOLUME.fullmatch(name)])
    found: Columns = {}
    for field in GATE.fields:
        if field.name not in branches:
            if field.required or field.name == "event":
                wanted = field.aliases[0]
                raise InputError(f"{file}: {KEY!r} has no column {wanted!r}.{did_you_mean(wanted, names)}")
            continue
        column, faults = checked(np.ascontiguousarray(rows[branches[field.name]]), field)
        if faults:
            raise ProblemError([Problem(str(file), KEY, branches[field.name], faults[0].row, faults[0].text)])
        found[field.name] = column
    volumes = sorted(name for name in names if VOLUME.fullmatch(name))
    if volumes:
        dense = np.stack([rows[name] for name in volumes], -1).astype(np.int32)
        found["volume_id"] = Ragged.from_counts(dense.reshape(-1), np.full(len(rows), len(volumes)))
    return found
