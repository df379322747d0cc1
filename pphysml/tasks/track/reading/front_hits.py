"""Hits of a front tracker, set aside from those of the calorimeter."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Columns, Ragged, ragged
from .numbering import numbered, ranks
from .spots import OF_SPOTS

OF_FRONT = {"front_plane": "layer", "front_x": "x", "front_y": "y", "front_z": "z"}
"""Column of the hits in front -> column of a hit; with truth there is `front_proton`, too."""

FRONT_TYPES = {"front_plane": "int16", "front_x": "float32", "front_y": "float32", "front_z": "float32", "front_proton": "int32"}
"""Columns of the hits in front."""


def front_set_aside(frames: Columns, layers: int) -> Columns:
    """Return frames whose hits are those of the calorimeter, beside the columns `FRONT_TYPES` of those in front.

    Protons are numbered anew; of one that has no hit in the calorimeter `front_proton` is -1.

    Args:
        frames: in which plane k in front has the number `layers` + k.
        layers: of the calorimeter.
    """
    layer = ragged(frames, "layer")
    front = layer.flat >= layers
    row = np.repeat(np.arange(len(layer)), layer.counts)
    in_front, behind = (np.bincount(row[chosen], minlength=len(layer)) for chosen in (front, ~front))
    found: Columns = {name: Ragged.from_counts(ragged(frames, of_hit).flat[front], in_front) for name, of_hit in OF_FRONT.items()}
    plane = ragged(found, "front_plane")
    found["front_plane"] = Ragged(plane.flat - layers, plane.offsets)
    kept = {name: Ragged.from_counts(column.flat[~front], behind) for name, column in frames.items()
            if isinstance(column, Ragged) and name not in OF_SPOTS and not name.startswith("keep:")}
    if "proton" in frames:
        found["front_proton"], _ = ranks(kept["proton"], Ragged.from_counts(ragged(frames, "proton").flat[front], in_front))
    return {**frames, **kept, **found, **numbered({**kept})}
