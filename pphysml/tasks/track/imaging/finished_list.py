"""The list of protons when all are there: its outliers."""

from __future__ import annotations

from pathlib import Path

from ....contract import Finished
from ....io.ragged import Columns, length
from ..config import TrackConfig
from .outliers import OF_ANGLE, OF_WEPL, find_outliers
from .projections import find_projections
from .upstream import stacked


def finished_list(rows: Columns, output: Path, config: TrackConfig) -> Finished:
    """Return the rows of `wepl_list` with the column `outlier`, and how many there are."""
    rows = dict(rows)
    projections = find_projections(rows, config.apply.rotation_angles is not None)
    deflection = stacked(rows, "tx", "ty") - stacked(rows, "upstream_dx", "upstream_dy") / stacked(rows, "upstream_dz")
    outlier, judged = find_outliers(rows, deflection, projections.of_row, config.apply.outliers)
    rows["outlier"] = outlier
    n = length(rows)
    facts = {"outliers": {"protons": n, "outliers": int((outlier > 0).sum()), "of WEPL": int(((outlier & OF_WEPL) > 0).sum()),
                          "of angle": int(((outlier & OF_ANGLE) > 0).sum()), "not judged": int((~judged).sum())}} if n else {}
    return Finished(rows, facts=facts)
