"""The beam spots that the protons of one frame come from."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, Ragged

OF_SPOTS = {"spots_x": "spot_x", "spots_y": "spot_y", "spots_tx": "spot_tx", "spots_ty": "spot_ty"}
"""Column with one value for each spot of a frame -> column of a proton."""


def spots_of_frames(protons: Columns, counts: Array) -> Columns:
    """Return the columns `OF_SPOTS` of frames of `counts` protons each: distinct spots, in the order of their positions.

    Returns:
        nothing where protons have no spots.
    """
    if not np.asarray(protons.get("spot_given", False)).all():
        return {}
    names = [name for name, source in OF_SPOTS.items() if source in protons]
    values = [np.asarray(protons[OF_SPOTS[name]]) for name in names]
    frame = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((*reversed(values), frame))
    new = np.diff(frame[order], prepend=-1) != 0
    for column in values:
        new[1:] |= np.diff(column[order]) != 0
    first = order[new]
    of_frame = np.bincount(frame[first], minlength=len(counts))
    return {name: Ragged.from_counts(column[first], of_frame) for name, column in zip(names, values, strict=True)}
