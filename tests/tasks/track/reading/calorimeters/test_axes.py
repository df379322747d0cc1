"""Positions and spots in the frame of the beam."""

from __future__ import annotations

import numpy as np

from pphysml.io.ragged import Ragged
from pphysml.tasks.track.reading.calorimeters.axes import turned


def flat(column):
    return column.flat if isinstance(column, Ragged) else column


def test_all_spots_of_a_frame_are_turned_with_its_hits():
    """A spot keeps its place among the hits, seen from a beam along -z: turned about y."""
    rng = np.random.default_rng(0)
    many = Ragged.from_counts(rng.normal(size=5), np.array([2, 3]))
    spots = {name: many for name in ("spots_x", "spots_y", "spots_tx", "spots_ty")} | {name: many.flat[:2] for name in ("spot_x", "spot_y", "spot_tx", "spot_ty")}
    found = turned({"x": many, "y": many, "z": many, **spots}, "-z")
    for one in ("spot", "spots"):
        values = {name: flat(found[f"{one}_{name}"]) / flat(spots[f"{one}_{name}"]) for name in ("x", "y", "tx", "ty")}
        assert {name: set(sign) for name, sign in values.items()} == {"x": {-1.0}, "y": {1.0}, "tx": {1.0}, "ty": {-1.0}}
