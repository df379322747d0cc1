"""Links between hits: the answer of every engine, before tracks are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...io.ragged import Array, Columns, Ragged


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


def ragged(examples: Columns, name: str) -> Ragged:
    """Return a column with one value per hit."""
    column = examples[name]
    assert isinstance(column, Ragged)
    return column


def frame_of_hit(examples: Columns) -> Array:
    """Return the row of each hit's frame, int64 (H,)."""
    layer = ragged(examples, "layer")
    return np.repeat(np.arange(len(layer)), layer.counts)
