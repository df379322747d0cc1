"""The list of protons when all are there: its outliers, and the files that are made of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ....contract import Finished
from ....io.ragged import Array, Columns, length
from ..config import TrackConfig
from .list_files import list_files
from .older_lists import KEPT, older_lists
from .outliers import OF_ANGLE, OF_WEPL, find_outliers
from .projections import find_projections
from .upstream import FRONT, OF_FRONT, SPOT, UNKNOWN, stacked


def finished_list(rows: Columns, output: Path, config: TrackConfig) -> Finished:
    """Return the rows of `wepl_list` with the column `outlier`, how many there are, and the files of `apply.list_format`."""
    options = config.apply
    projections = find_projections(rows, options.rotation_angles is not None)
    deflection = stacked(rows, "tx", "ty") - stacked(rows, "upstream_dx", "upstream_dy") / stacked(rows, "upstream_dz")
    outlier, judged = find_outliers(rows, deflection, projections.of_row, options.outliers)
    rows = {**rows, "outlier": outlier}
    written: Columns = {name: column for name, column in rows.items() if name not in OF_FRONT}
    if not length(rows):
        empty = ["the list of protons is empty, so that no file of it is written"] if options.list_format != "root" else []
        return _with_older(Finished(written, warnings=empty), output)
    files = list_files(rows, projections, output, options)
    facts: dict[str, Any] = {"outliers": _counts(outlier, judged)}
    if "front_x0" in rows:
        facts["in_front"] = _sources(np.asarray(rows["upstream_from"]))
    if files:
        facts["list_files"] = [str(path) for path in files]
    return _with_older(Finished(written, files, facts), output)


def _counts(outlier: Array, judged: Array) -> dict[str, int]:
    return {"protons": len(outlier), "outliers": int((outlier > 0).sum()), "of WEPL": int(((outlier & OF_WEPL) > 0).sum()),
            "of angle": int(((outlier & OF_ANGLE) > 0).sum()), "not judged": int((~judged).sum())}


def _sources(source: Array) -> dict[str, int]:
    counts = np.bincount(source, minlength=3)
    return {name: int(counts[number]) for name, number in (("of the front tracker", FRONT), ("of the beam spot", SPOT), ("not known", UNKNOWN))}


def _with_older(finished: Finished, output: Path) -> Finished:
    """Return the same with the lists of an earlier output that stay beside the new ones, and a sentence on each."""
    older = older_lists(output, finished.files)
    if not older:
        return finished
    said = [f"{path}: is a list of an earlier output, and not of this one; delete it" for path in older]
    return replace(finished, facts={**finished.facts, KEPT: [str(path) for path in older]}, warnings=[*finished.warnings, *said])
