"""Of which jet constituents are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, ragged


@dataclass(frozen=True)
class ByJet:
    """Constituents of a chunk, jet by jet.

    Attributes:
        order: their numbers in the chunk; None where they are in order.
        offsets: where those of each jet begin, int64 (jets + 1,).
    """

    order: Array | None
    offsets: Array

    @classmethod
    def of(cls, chunk: Columns) -> ByJet:
        """Find the jet of each constituent, by `part_jet`; without it, an entry is a jet.

        Raises:
            InputError: one names a jet that there is not, or lists differ in length.
        """
        pt, counts = ragged(chunk, "jet_pt"), _counts(chunk)
        if "part_jet" not in chunk and (pt.counts == 1).all():
            return cls(None, np.concatenate([[0], np.cumsum(counts)]))
        entry = np.repeat(np.arange(len(pt)), counts)
        number = ragged(chunk, "part_jet").flat if "part_jet" in chunk else np.zeros(len(entry), np.int64)
        outside = (number < 0) | (number >= pt.counts[entry])
        bad = np.zeros(len(pt), bool)
        bad[entry[outside]] = True
        refuse(chunk, bad, "part_jet", lambda at: f"names a jet that there is not among the {pt.counts[at]} of the entry")
        jet = pt.offsets[:-1][entry] + number
        order = None if (np.diff(jet) >= 0).all() else np.argsort(jet, kind="stable")
        return cls(order, np.concatenate([[0], np.cumsum(np.bincount(jet, minlength=len(pt.flat)))]))

    def column(self, flat: Array) -> Ragged:
        """Return values of constituents as lists of the jets."""
        return Ragged(flat if self.order is None else flat[self.order], self.offsets)


def _counts(chunk: Columns) -> Array:
    """Return how many constituents each entry has; all their lists must have equally many."""
    lists = {name: column.counts for name, column in chunk.items() if name.startswith("part_") and isinstance(column, Ragged)}
    first, counts = next(iter(lists.items()))
    for name, others in lists.items():
        differing = np.flatnonzero(others != counts)
        if len(differing):
            at = int(differing[0])
            refuse(chunk, others != counts, name, f"has {others[at]} values where {first!r} has {counts[at]}".format, rule="lengths")
    return counts
