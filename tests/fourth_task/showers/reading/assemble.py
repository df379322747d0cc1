"""Entries to showers, one example each."""

from __future__ import annotations

import numpy as np

from pphysml.io.problems import refuse
from pphysml.io.ragged import Columns, Ragged, ragged

from ..config import ShowersConfig


def showers_of(chunk: Columns, config: ShowersConfig) -> Columns:
    """Return the showers above the smallest energy, with `file` and `entry` of their event.

    Raises:
        InputError: a width of theirs is negative.
    """
    energy, width = ragged(chunk, "energy"), ragged(chunk, "width")
    row = np.repeat(np.arange(len(energy)), energy.counts)
    taken = energy.flat >= config.apply.min_energy
    bad = np.zeros(len(energy), dtype=bool)
    bad[row[taken & (width.flat < 0)]] = True
    refuse(chunk, bad, "width", lambda _: "is negative; give another branch")
    examples: Columns = {name: np.asarray(chunk[name])[row[taken]] for name in ("file", "entry", "importance") if name in chunk}
    return examples | {name: column.flat[taken] for name, column in chunk.items()
                       if isinstance(column, Ragged) and name in ("energy", "width", "kind")}
