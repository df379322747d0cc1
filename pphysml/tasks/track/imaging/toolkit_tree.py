"""The tree `WEPLData` of the Digital Tracking Calorimeter Toolkit, from which it makes images."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns

TREE, TITLE = "WEPLData", "proton beam"

BRANCHES = {"spotX": "spot_x", "spotY": "spot_y", "WEPL": "wepl", "X2x": "x", "X2y": "y", "P2x": "tx", "P2y": "ty"}
"""Branch -> column of the list: spot and position at the first sensor in mm, slopes from there to the second sensor."""


def toolkit_columns(rows: Columns) -> dict[str, Array]:
    """Return the branches of protons, float32 (N,) each."""
    return {branch: np.asarray(rows[name]).astype(np.float32) for branch, name in BRANCHES.items()}
