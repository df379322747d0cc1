"""Events of so many leaves that pairs of them take long: refused, or cut into portions between which progress is shown."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....errors import FileName
from ....io.problems import place, refuse
from ....io.ragged import Array, Columns, ragged, slice_rows
from ..config import LcagConfig

SECONDS, GIGABYTES = 6.4e-6, 6e-7
"""What applying the default network takes of a core and of memory, for each pair of leaves of an event (measured)."""

TRAINING_GIGABYTES = 3.3e-6
"""Memory that a step of the training takes for each pair of leaves, of the default network (measured)."""

LARGE = 300
"""Leaves from which on an event is worth a word: half a second."""

AT_ONCE = 4_000_000
"""Pairs of leaves between two words on the progress: half a minute."""


def refuse_large(chunk: Columns, n_leaves: Array, limit: int) -> None:
    """Refuse events above the limit.

    Raises:
        EntriesError: names the entry.
    """
    refuse(chunk, n_leaves > limit, "px", lambda row: (
        f"has {n_leaves[row]} leaves, more than data.max_leaves={limit}; the network needs about {_cost(int(n_leaves[row]))} for it: "
        "raise data.max_leaves, or leave such events out of the file"))


def refuse_large_batches(examples: Columns, config: LcagConfig) -> None:
    """Refuse events with which a batch of the training would be too large.

    Raises:
        EntriesError: names the entry.
    """
    n, size, limit = ragged(examples, "p4").counts, config.training.batch_size, config.data.max_batch_pairs

    def reason(row: int) -> str:
        pairs = size * int(n[row]) ** 2
        return (f"has {n[row]} leaves: with it a batch of training.batch_size={size} has {pairs / 1e6:.3g} million pairs of leaves, for which the "
                f"default network needs about {pairs * TRAINING_GIGABYTES:.2g} GB, more than data.max_batch_pairs={limit}; set "
                f"training.batch_size={max(1, limit // int(n[row]) ** 2)}, raise data.max_batch_pairs, or leave such events out of the file")

    refuse(examples, size * n**2 > limit, "px", reason)


def cost_of_large(examples: Columns, named: FileName) -> list[str]:
    """Return a sentence on the largest event if it is large, with its place, time and memory."""
    n = ragged(examples, "p4").counts
    if not len(n) or n.max() < LARGE:
        return []
    row = int(np.argmax(n))
    others = int((n >= LARGE).sum()) - 1
    further = f"; {others} more of these {len(n)} events have {LARGE} or more" if others else ""
    return [f"{place(examples, row).text(named)} has {n[row]} leaves, for which the network needs about {_cost(int(n[row]))}{further}"]


def portions(examples: Columns) -> Iterator[Columns]:
    """Yield examples in portions of no more than `AT_ONCE` pairs of leaves, or of one event."""
    last = np.cumsum(ragged(examples, "p4").counts ** 2)
    start = 0
    while start < len(last):
        done = last[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(last, done + AT_ONCE, side="right")))
        yield examples if stop - start == len(last) else slice_rows(examples, start, stop)
        start = stop


def _cost(n: int) -> str:
    return f"{SECONDS * n * n:.2g} s of a core and {GIGABYTES * n * n:.2g} GB"
