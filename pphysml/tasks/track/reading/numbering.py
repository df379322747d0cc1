"""True protons and particles of hits, numbered in each frame."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged


def numbered(hits: Columns) -> Columns:
    """Return protons and particles numbered in each frame without those that have no hit left, and `n_protons`."""
    found: Columns = {}
    for name in ("proton", "particle"):
        if name in hits:
            found[name], counts = ranks(ragged(hits, name), ragged(hits, name))
            if name == "proton":
                found["n_protons"] = counts
    if "second_proton" in hits:
        found["second_proton"], _ = ranks(ragged(hits, "proton"), ragged(hits, "second_proton"))
    return found


def ranks(rows: Ragged, asked: Ragged) -> tuple[Ragged, Array]:
    """Return the place of values among the distinct ones of their row, from 0, -1 for negative and other ones; and how many a row has.

    Args:
        rows: the values that are counted.
        asked: those whose place is asked for, in as many rows.
    """
    width = int(max(rows.flat.max(initial=0), asked.flat.max(initial=0))) + 1
    present = np.unique((_row(rows) * width + rows.flat)[rows.flat >= 0])
    starts = np.searchsorted(present, np.arange(len(rows) + 1) * width)
    row = _row(asked)
    key = row * width + asked.flat
    place = np.searchsorted(present, key)
    there = (asked.flat >= 0) & (np.append(present, -1)[place] == key)
    return Ragged(np.where(there, place - starts[row], -1).astype(np.int32), asked.offsets), np.diff(starts).astype(np.int32)


def _row(values: Ragged) -> Array:
    return np.repeat(np.arange(len(values)), values.counts)
