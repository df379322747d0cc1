"""The columns of frames that every engine of `track` takes."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Columns, Ragged, length, ragged
from ....physics.range_energy import HELIUM_MASS_RATIO, particle_range
from ..geometries.geometry import BeamConfig
from .layers import Layers

TYPES = {
    "file": "int32", "entry": "int64", "run": "int64", "frame": "int64", "spot_x": "float32", "spot_y": "float32",
    "n_protons": "int32", "phantom": "float32", "layer": "int16", "x": "float32", "y": "float32", "z": "float32",
    "edep": "float32", "cluster_size": "int32", "hit_entry": "int64", "time": "float64", "proton": "int32",
    "particle": "int32", "primary": "bool", "pdg": "int32", "stop_depth": "float32",
}


def finished(frames: Columns, layers: Layers) -> Columns:
    """Return frames with their hits sorted by layer, and with what follows from the layers.

    Added are `dedx` (keV/um), `depth` (mm of water), `gap_lengths` (radiation lengths) per hit and
    `beam_range` (mm of water) per frame; the latter three are NaN where no geometry is known. Hits of
    one layer keep their order. Columns of other names than the documented ones and `keep:` are left out.
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
            examples[name] = Ragged(column.flat[order].astype(dtype, copy=False), column.offsets)
        else:
            examples[name] = column if isinstance(column, Ragged) or dtype is None else np.asarray(column).astype(dtype, copy=False)
    number = layer.flat[order]
    edep = ragged(examples, "edep").flat
    for name, values in (("dedx", edep / layers.thickness), ("depth", layers.depth[number]), ("gap_lengths", layers.gap_lengths[number])):
        examples[name] = Ragged(values.astype(np.float32), layer.offsets)
    beam = np.nan if layers.geometry is None else beam_range(layers.geometry.beam)
    examples["beam_range"] = np.full(n, beam, dtype=np.float32)
    return examples


def beam_range(beam: BeamConfig) -> float:
    """Return the range in water of a particle of the beam, mm."""
    if beam.particle == "helium":
        return float(particle_range(beam.energy, HELIUM_MASS_RATIO, 2.0))
    return float(particle_range(beam.energy))
