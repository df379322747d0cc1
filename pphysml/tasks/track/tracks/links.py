"""Links between hits: the answer of every engine, before tracks are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, ragged

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """For each of H hits of some frames, the hit before it on its track.

    Attributes:
        previous: int64 (H,), index among the H hits of a hit of the same frame in a layer nearer to
            the beam, -1 for none; no hit is the previous one of two.
        probability: float32 (H,), of that link; 1 where there is none.
    """

    previous: Array
    probability: Array


def frame_of_hit(examples: Columns) -> Array:
    """Return the row of each hit's frame, int64 (H,)."""
    layer = ragged(examples, "layer")
    return np.repeat(np.arange(len(layer)), layer.counts)


def layer_starts(layer: NDArray[np.int16], frame: Ints) -> Ints:
    """Return where each layer of each frame starts among the hits, and their number at the end."""
    if not len(layer):
        return np.zeros(1, dtype=np.int64)
    new = np.flatnonzero((np.diff(layer) != 0) | (np.diff(frame) != 0)) + 1
    return np.concatenate([[0], new, [len(layer)]]).astype(np.int64)


def true_links(examples: Columns, skip_layers: int) -> Ints:
    """Return for each hit the one before it of the same particle, int64 (H,), -1 for none.

    The hit before is in the nearest layer that has one of the particle, at most `1 + skip_layers` away.
    """
    particle, layer = ragged(examples, "particle").flat, ragged(examples, "layer").flat.astype(np.int64)
    frame = frame_of_hit(examples)
    order = np.lexsort((np.arange(len(layer)), layer, particle, frame))
    previous = np.full(len(layer), -1, dtype=np.int64)
    same = (np.diff(frame[order]) == 0) & (np.diff(particle[order]) == 0) & (particle[order][1:] >= 0)
    step = np.diff(layer[order])
    reached = same & (step >= 1) & (step <= 1 + skip_layers)
    previous[order[1:][reached]] = order[:-1][reached]
    return previous
