"""Frames of which less is known than a simulation knows, as of a detector's readout: for training."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Columns, Ragged, ragged
from ..reading.clusters.hits import cluster_energy
from ..reading.examples import MATERIALS
from ..reading.front_hits import FRONT_TYPES


def without_materials(frames: Columns) -> Columns:
    """Return frames as those of a calorimeter that is not recognised."""
    return frames | {name: Ragged(np.full_like(ragged(frames, name).flat, np.nan), ragged(frames, name).offsets) for name in MATERIALS}


def without_front(frames: Columns) -> Columns:
    """Return frames without the hits of a front tracker."""
    return {name: column for name, column in frames.items() if name not in (*FRONT_TYPES, "plane_lengths")}


def with_counted_pixels(frames: Columns) -> Columns:
    """Return frames whose energies follow from the sizes of the clusters, as of pixels that say yes or no."""
    size = ragged(frames, "cluster_size")
    thickness = np.repeat(np.asarray(frames["sensor_thickness"], dtype=np.float64), size.counts)
    edep = cluster_energy(size.flat, thickness)
    return frames | {"edep": Ragged(edep.astype(np.float32), size.offsets), "dedx": Ragged((edep / thickness).astype(np.float32), size.offsets)}
