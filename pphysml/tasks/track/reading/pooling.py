"""Protons put together into frames, with numbers that count in the frame."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged

OF_PROTONS = ("ordinal", "noise", "lost", "event", "beam_bin")
"""Columns that a frame does not have."""


def pool(protons: Columns, counts: Array) -> Columns:
    """Return frames of `counts` protons each, one after the other.

    Columns of one value per proton are those of the frame's first, but `beam_energy` is the mean, beside
    `beam_energy_rms`; with `event` there are `proton` and
    `particle` of each hit, numbered in the frame, -1 for noise, and `n_protons` without those that are
    noise alone.

    Args:
        protons: with at least one hit each; without `particle` with `noise`.
        counts: at least 1, (F,).
    """
    offsets = np.concatenate([[0], np.cumsum(counts)])
    frames: Columns = {}
    for name, column in protons.items():
        if isinstance(column, Ragged):
            frames[name] = Ragged(column.flat, column.offsets[offsets])
        elif name not in OF_PROTONS:
            frames[name] = column[offsets[:-1]]
    if "beam_energy" in protons:
        frames |= _energies(np.asarray(protons["beam_energy"], dtype=np.float64), offsets)
    if "event" not in protons:
        return frames
    hits = ragged(protons, "layer")
    real = ~np.asarray(protons["noise"])
    if "particle" in protons:
        local = ragged(protons, "particle").flat
        real = np.maximum.reduceat(local, hits.offsets[:-1]) >= 0
    owner = np.repeat(_before(real.astype(np.int32), offsets), hits.counts)
    if "particle" in protons:
        n_particles = np.maximum.reduceat(local, hits.offsets[:-1]) + 1
        particle = local + np.repeat(_before(n_particles, offsets), hits.counts)
        particle[local < 0] = owner[local < 0] = -1
        frames["particle"] = Ragged(particle, hits.offsets[offsets])
    frames["proton"] = Ragged(owner, hits.offsets[offsets])
    frames["n_protons"] = np.add.reduceat(real, offsets[:-1], dtype=np.int32)
    return frames


def _energies(energy: Array, offsets: Array) -> Columns:
    """Return mean and standard deviation of the beam's energy over the protons of each frame, MeV; NaN where one is not known."""
    counts, energy = np.diff(offsets), np.where(energy > 0, energy, np.nan)
    mean = np.add.reduceat(energy, offsets[:-1]) / counts
    square = np.add.reduceat((energy - np.repeat(mean, counts)) ** 2, offsets[:-1]) / counts
    return {"beam_energy": mean, "beam_energy_rms": np.sqrt(square)}


def _before(values: Array, offsets: Array) -> Array:
    """Return the sum of the values in front of each one in its frame."""
    before = np.cumsum(values) - values
    within: Array = before - np.repeat(before[offsets[:-1]], np.diff(offsets))
    return within
