"""Protons put together into frames, with numbers that count in the frame."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged

OF_PROTONS = ("ordinal", "noise", "event")
"""Columns that a frame does not have."""


def pool(protons: Columns, counts: Array) -> Columns:
    """Return frames of `counts` protons each, one after the other.

    Columns of one value per proton are those of the frame's first; with `event` there are `proton` and
    `particle` of each hit, numbered in the frame, -1 for noise, and `n_protons` without those that are
    noise alone.

    Args:
        protons: with `noise`, and at least one hit each.
        counts: at least 1, (F,).
    """
    offsets = np.concatenate([[0], np.cumsum(counts)])
    frames: Columns = {}
    for name, column in protons.items():
        if isinstance(column, Ragged):
            frames[name] = Ragged(column.flat, column.offsets[offsets])
        elif name not in OF_PROTONS:
            frames[name] = column[offsets[:-1]]
    if "event" not in protons:
        return frames
    hits = ragged(protons, "layer")
    real = ~np.asarray(protons["noise"])
    owner = np.repeat(_before(real.astype(np.int32), offsets), hits.counts)
    if "particle" in protons:
        local = ragged(protons, "particle").flat
        n_particles = np.maximum.reduceat(local, hits.offsets[:-1]) + 1
        particle = local + np.repeat(_before(n_particles, offsets), hits.counts)
        particle[local < 0] = owner[local < 0] = -1
        frames["particle"] = Ragged(particle, hits.offsets[offsets])
    frames["proton"] = Ragged(owner, hits.offsets[offsets])
    frames["n_protons"] = np.add.reduceat(real, offsets[:-1], dtype=np.int32)
    return frames


def _before(values: Array, offsets: Array) -> Array:
    """Return the sum of the values in front of each one in its frame."""
    before = np.cumsum(values) - values
    within: Array = before - np.repeat(before[offsets[:-1]], np.diff(offsets))
    return within
