"""The columns of frames that every engine of `track` takes."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, Ragged, length, ragged
from .beams import Beams
from .calorimeters.layers import Layers
from .front_hits import FRONT_TYPES
from .spots import OF_SPOTS

TYPES = {
    "file": "int32", "job": "int32", "entry": "int64", "run": "int64", "frame": "int64", "spot_x": "float32", "spot_y": "float32",
    "spot_given": "bool", "spot_tx": "float32", "spot_ty": "float32", "rotation_angle": "float32",
    **dict.fromkeys(OF_SPOTS, "float32"), "n_protons": "int32", "phantom": "float32", "layer": "int16", "x": "float32", "y": "float32", "z": "float32",
    "edep": "float32", "cluster_size": "int32", "hit_entry": "int64", "time": "float64", "proton": "int32",
    "second_proton": "int32", "particle": "int32", "primary": "bool", "pdg": "int32", "stop_depth": "float32", **FRONT_TYPES,
}

NOT_BY_LAYER = (*OF_SPOTS, *FRONT_TYPES)
"""Columns of several values a frame that are not those of its hits."""

MATERIALS = ("depth", "next_depth", "second_depth", "gap_lengths", "next_gap_lengths", "lengths")
"""Columns of hits that are NaN where the materials are not known."""


def usual(rows: Columns, n: int) -> Columns:
    """Return what every frame has, for n rows of a file in the place of what it lacks: ids, and the spot with `spot_given`."""
    return {"file": np.zeros(n, dtype=np.int32), "entry": np.arange(n), "run": np.zeros(n, dtype=np.int64),
            "spot_x": np.zeros(n, dtype=np.float32), "spot_y": np.zeros(n, dtype=np.float32),
            "spot_given": np.full(n, "spot_x" in rows and "spot_y" in rows)}


def finished(frames: Columns, layers: Layers, beams: Beams) -> Columns:
    """Return frames with their hits sorted by layer, and with what follows from the layers and the beam.

    Added are `dedx` (keV/um) and the columns of `_materials` per hit, those of `_sensors` and of `Beams.columns` per
    frame, and the layers that see nothing (`dead_layers`). Hits of one layer keep their order. Columns of other names than the documented ones and `keep:` are left out.
    """
    n = length(frames)
    layer = ragged(frames, "layer")
    frame = np.repeat(np.arange(n), layer.counts)
    order = np.argsort(frame * 256 + layer.flat, kind="stable")
    examples: Columns = {}
    for name, column in frames.items():
        dtype = TYPES.get(name)
        if dtype is None and not name.startswith("keep:"):
            continue
        if isinstance(column, Ragged) and dtype is not None:
            flat = column.flat if name in NOT_BY_LAYER else column.flat[order]
            examples[name] = Ragged(flat.astype(dtype, copy=False), column.offsets)
        else:
            examples[name] = column if isinstance(column, Ragged) or dtype is None else np.asarray(column).astype(dtype, copy=False)
    edep = ragged(examples, "edep").flat
    of_hits = {"dedx": edep / layers.thickness, **_materials(layers, layer.flat[order].astype(np.int64))}
    examples |= {name: Ragged(values.astype(np.float32), layer.offsets) for name, values in of_hits.items()}
    return examples | _sensors(layers, n) | _dead(layers, n) | beams.columns(frames, layers.wet_in_front)


def _materials(layers: Layers, number: Array) -> dict[str, Array]:
    """Return what a particle has crossed at hits in these layers; NaN where the materials are not known.

    `depth`: water-equivalent, behind the phantom, mm; `next_depth`, `second_depth`: that of the two sensors behind.
    `gap_lengths`, `next_gap_lengths`: radiation lengths between the layer before and this one, and behind it; `lengths`: the sum of all up to here.
    Dead layers are no sensors: what is in front of them is in front of the next one.
    """
    alive = np.setdiff1d(np.arange(len(layers.z)), layers.dead)
    before, after = np.searchsorted(alive, number), np.searchsorted(alive, number, side="right")
    # Two more sensors like the last one serve tracks that reach it.
    behind = np.append(layers.depth[alive], layers.depth[-1] + np.diff(layers.depth[-2:]) * np.array([1.0, 2.0]))
    lengths = np.cumsum(layers.gap_lengths)
    crossed = np.concatenate([[0.0], lengths[alive], [lengths[-1] + layers.gap_lengths[-1]]])
    return {"depth": layers.depth[number], "next_depth": behind[after], "second_depth": behind[after + 1],
            "gap_lengths": lengths[number] - crossed[before], "next_gap_lengths": crossed[after + 1] - lengths[number], "lengths": lengths[number]}


def _sensors(layers: Layers, n: int) -> Columns:
    """Return `sensor_thickness`, `pitch_x`, `pitch_y` (mm), and `turns_at_sensors`: whether scatters only turn particles, at the sensors.

    With a front tracker `plane_lengths`, too: radiation lengths of one of its planes.
    """
    x, y = layers.pixel
    turns = layers.geometry is not None and not layers.geometry.lateral_displacement
    values = {"sensor_thickness": layers.thickness, "pitch_x": x, "pitch_y": y}
    if layers.geometry is not None and layers.geometry.front is not None:
        values["plane_lengths"] = layers.geometry.front.radiation_lengths
    return {**{name: np.full(n, value, dtype=np.float32) for name, value in values.items()}, "turns_at_sensors": np.full(n, turns)}


def _dead(layers: Layers, n: int) -> Columns:
    """Return the numbers of dead layers, once for each of n frames."""
    return {"dead_layers": Ragged.from_counts(np.tile(np.asarray(layers.dead, dtype=np.int16), n), np.full(n, len(layers.dead)))}
