"""Simulated particles put together into frames, each with a density and a phantom of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import SeedSequence, default_rng

from ....errors import ConfigError
from ....io.ragged import Columns, concatenate, length, slice_rows, take
from ..config import TrackConfig
from ..geometries.geometry import Geometry
from ..reading.assemble import frames_of

Rows = Callable[[SeedSequence, int, float], Columns]
"""Rows of so many particles of the beam behind a phantom, mm, with events from 0."""

LOSS = 1.1e-3
"""Particles lost per mm of phantom, by which it is guessed how many are needed."""

MOST_TRIES = 10
"""Times as many as guessed, after which it is said that too few have hits."""


def simulated_frames(rows: Rows, geometry: Geometry, config: TrackConfig, phantoms: list[float], seed: SeedSequence, n: int) -> Columns:
    """Return n frames with the columns of `reading.assemble.assemble` and `phantom`, in random order of their kinds.

    Args:
        rows: makes particles.
        phantoms: thicknesses of water, mm; one of them is drawn for every frame, and likewise one of
            `config.data.protons_per_frame`.

    Raises:
        ConfigError: hardly any particle has hits behind such a phantom.
    """
    choice, *others = seed.spawn(1 + len(phantoms) * len(config.data.protons_per_frame))
    kinds = [(phantom, size) for phantom in phantoms for size in config.data.protons_per_frame]
    kind = default_rng(choice).integers(0, len(kinds), n)
    counts = np.bincount(kind, minlength=len(kinds))
    parts = [_frames_of_kind(rows, geometry, config, phantom, size, int(count), own)
             for (phantom, size), count, own in zip(kinds, counts, others, strict=True) if count]
    if not parts:
        return {}
    return take(concatenate(parts), np.argsort(np.argsort(kind, kind="stable")))


def _frames_of_kind(
    rows: Rows, geometry: Geometry, config: TrackConfig, phantom: float, size: int, count: int, seed: SeedSequence
) -> Columns:
    """Return `count` frames of `size` particles with hits, from as many particles of the beam as that takes."""
    n = int(1.05 * count * size * np.exp(LOSS * phantom)) + 20
    parts: list[Columns] = []
    for _ in range(MOST_TRIES):
        new = rows(seed.spawn(1)[0], n, phantom)
        new["event"] = np.asarray(new["event"]) + len(parts) * n
        parts.append(new)
        joined = concatenate(parts)
        total = length(joined)
        joined |= {"file": np.zeros(total, dtype=np.int32), "entry": np.arange(total), "phantom": np.full(total, phantom, dtype=np.float32)}
        frames = frames_of(joined, geometry, config, size) if total else {}
        # All frames but the last one are full; those may still have fewer protons, whose clusters count for others.
        if frames and (length(frames) > count or (length(frames) == count and frames["n_protons"][-1] == size)):
            return slice_rows(frames, 0, count)
    raise ConfigError(f"Geometry {geometry.name!r}: {MOST_TRIES * n} particles behind {phantom:g} mm of water leave less than {count} frames "
                      f"of {size} with hits; choose thinner simulation.phantoms.")
