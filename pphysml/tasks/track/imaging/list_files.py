"""Lists of protons beside the output in the formats of reconstruction programs, one for each projection."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from ....contract import WriteFile
from ....errors import InputError
from ....io.plain_tree import write_plain_tree
from ....io.ragged import Array, Columns, length, take
from ..config import ApplyConfig
from .pct_pairs import pct_header, pct_numbers
from .projections import Projections
from .toolkit_tree import TITLE, TREE, toolkit_columns
from .upstream import UNKNOWN, spots

SUFFIXES = {"root": (), "rtk": (".mhd", ".raw"), "dtc-toolkit": (".root",)}
"""Format of `apply.list_format` -> suffixes of the files of a projection."""


def list_patterns(output: Path, format: str) -> list[str]:
    """Return patterns of the names that files of a format may have beside an output."""
    stem = glob.escape(output.stem)
    return [f"{stem}_{name}{suffix}" for suffix in SUFFIXES[format] for name in ("run[0-9]*", "file[0-9]*_run[0-9]*", "rotation*deg")]


def check_list(rows: Columns, options: ApplyConfig) -> None:
    """Refuse protons of which a format needs what is not known.

    Raises:
        InputError: the position of the spot, or a position in front of the object that is not in front of the first sensor.
    """
    if options.list_format == "root" or not length(rows):
        return
    file = int(np.asarray(rows["file"])[0]) if "file" in rows else None
    # With a front tracker, protons without a track there and without a spot are left out instead.
    if "front_x0" not in rows and np.isnan(spots(rows, options.upstream)).any():
        raise InputError(f"is not there, but --list-format {options.list_format} needs the positions of the beam spots; "
                         "name it with --map spot_x=BRANCH, or state apply.upstream.spot=[X, Y]", file=file, branch="spot_x")
    if options.list_format == "rtk" and (np.asarray(rows["upstream_z"]) >= np.asarray(rows["z"])).any():
        raise InputError(f"the first sensor at {np.min(np.asarray(rows['z'])):.6g} mm is not behind apply.upstream.z = {options.upstream.z:g} mm; "
                         "--list-format rtk needs protons that run along +z", file=file, branch="z")


def list_files(rows: Columns, projections: Projections, output: Path, options: ApplyConfig) -> dict[Path, WriteFile]:
    """Return what writes the files of a format, by path; protons that are outliers are left out, and those of which nothing is known in front.

    Args:
        rows: of `wepl_list`, with `outlier`.
    """
    files: dict[Path, WriteFile] = {}
    kept = (np.asarray(rows["outlier"]) == 0) & (np.asarray(rows["upstream_from"]) != UNKNOWN)
    for name, angle, members in projections:
        chosen = members[kept[members]]
        paths = [output.with_name(f"{output.stem}_{name}{suffix}") for suffix in SUFFIXES[options.list_format]]
        if options.list_format == "rtk":
            header, raw = paths
            files[raw] = partial(_write_numbers, rows, chosen, options.isocentre)
            files[header] = partial(_write_text, pct_header(len(chosen), raw.name, angle))
        elif options.list_format == "dtc-toolkit":
            files[paths[0]] = partial(_write_tree, rows, chosen, options)
    return files


# What is written is made of the rows when its turn comes, so that one projection at a time is in memory.
def _write_numbers(rows: Columns, chosen: Array, isocentre: Sequence[float], path: Path) -> None:
    pct_numbers(take(rows, chosen), isocentre).tofile(path)


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="ascii")


def _write_tree(rows: Columns, chosen: Array, options: ApplyConfig, path: Path) -> None:
    write_plain_tree(path, TREE, toolkit_columns(take(rows, chosen), options.upstream), TITLE)
