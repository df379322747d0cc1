"""The tree `WEPLData` of the Digital Tracking Calorimeter Toolkit, from which it makes images."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns
from ..config.imaging import UpstreamConfig
from .upstream import toolkit_spots

TREE, TITLE = "WEPLData", "proton beam"

BRANCHES = {"WEPL": "wepl", "X2x": "x", "X2y": "y", "P2x": "tx", "P2y": "ty"}
"""Branch -> column of the list: WEPL and position at the first sensor in mm, slopes from there to the second sensor."""


def toolkit_columns(rows: Columns, options: UpstreamConfig) -> dict[str, Array]:
    """Return the branches of protons, float32 (N,) each: those of `BRANCHES` behind the position of the spot, mm, or of the track in the front tracker there."""
    values = dict(zip(("spotX", "spotY"), toolkit_spots(rows, options).T, strict=True)) | {branch: np.asarray(rows[name]) for branch, name in BRANCHES.items()}
    return {branch: column.astype(np.float32) for branch, column in values.items()}
