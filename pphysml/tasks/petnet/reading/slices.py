"""Singles to slices of time, the examples of `petnet`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.ragged import (
    Array,
    Column,
    Columns,
    Ragged,
    concatenate,
    length,
    ragged,
    slice_rows,
    take,
)
from .cuts import slice_starts

SECOND = 1e12
"""Picoseconds."""

PICOSECOND = 1e-12
"""Seconds."""


@dataclass(frozen=True)
class SliceRules:
    """How singles become slices.

    Attributes:
        window: largest time difference of a pair, ps.
        offset: delay of the second window, ps; 0 for none.
        least: singles of a slice at least, unless its segment ends.
    """

    window: float
    offset: float
    least: int


class Slices:
    """Cuts singles in the order of time at gaps of more than twice the window, and where segments end.

    So a pair, and also two pairs that share a single, never lie in two slices. With a delayed window
    the singles behind a slice that its singles may be paired with are lent to it.
    """

    def __init__(self, rules: SliceRules) -> None:
        self.rules = rules
        self.n_slices = 0
        self._held: Columns = {}

    def add(self, parts: list[Columns], end: bool) -> Columns:
        """Return the slices that are complete; at the end, all of them.

        Args:
            parts: of the singles, one behind the other, with `file`, `entry`, `segment`, `time` (s), sorted; further columns go along.
        """
        known = concatenate([part for part in (self._held, *parts) if part])
        n = length(known)
        if not n:
            return {}
        starts = np.append(0, slice_starts(self._gaps(known), np.asarray(known["segment"]), self.rules.least, 0))
        stops = np.append(starts[1:], n)
        lent = self._lent(known, stops)
        complete = len(starts) if end else min(len(starts) - 1, int(np.searchsorted(lent, n)) if self.rules.offset else len(starts) - 1)
        if not complete:
            self._held = known
            return {}
        self._held = {} if complete == len(starts) else slice_rows(known, int(starts[complete]), n)
        return self._examples(known, starts[:complete], stops[:complete], lent[:complete])

    def _gaps(self, known: Columns) -> Array:
        """Return whether a single comes more than twice the window behind the one before, bool (n,)."""
        time = np.asarray(known["time"])
        gap = np.ones(len(time), dtype=bool)
        gap[1:] = np.diff(time) * SECOND > 2 * self.rules.window
        return gap

    def _lent(self, known: Columns, stops: Array) -> Array:
        """Return the index behind the last single that each slice needs; n if it may not have come yet."""
        if not self.rules.offset:
            return stops
        time, segment = np.asarray(known["time"]), np.asarray(known["segment"])
        last = time[stops - 1] + (self.rules.offset + 2 * self.rules.window) / SECOND
        lent = np.empty(len(stops), dtype=np.int64)
        of_slice = segment[stops - 1]
        for number in np.unique(of_slice):
            begin, end = np.searchsorted(segment, [number, number + 1])
            here = of_slice == number
            lent[here] = begin + np.searchsorted(time[begin:end], last[here], side="right")
        return lent

    def _examples(self, known: Columns, starts: Array, stops: Array, lent: Array) -> Columns:
        file, entry = np.asarray(known["file"]), np.asarray(known["entry"])
        number = self.n_slices + np.arange(len(starts))
        self.n_slices += len(starts)
        examples: Columns = {
            "file": file[starts], "entry": entry[starts], "slice": number,
            "segment": np.asarray(known["segment"])[starts], "n_owned": (stops - starts).astype(np.int32),
        }
        singles: dict[str, Column] = {k: v for k, v in known.items() if k not in ("file", "entry", "segment")}
        singles |= {"single_file": file, "single_entry": entry}
        # Without lent singles the slices follow each other, and nothing needs to be copied.
        if np.array_equal(lent, stops):
            flat, offsets = slice_rows(singles, 0, int(stops[-1])), np.append(starts, stops[-1])
        else:
            rows = _overlapping(starts, lent)
            flat, offsets = take(singles, rows.flat), rows.offsets
        return examples | {name: Ragged(np.asarray(column), offsets) for name, column in flat.items()}


def slice_times(examples: Columns) -> Array:
    """Return the times of all singles since the first one of their slice, ps, int64.

    The difference of two doubles that lie near each other is exact, so that nothing is lost beyond
    what the file's own doubles lack.
    """
    time = ragged(examples, "time")
    first = time.flat[np.minimum(time.offsets[:-1], max(0, len(time.flat) - 1))]
    since = time.flat - np.repeat(first, time.counts)
    picoseconds: Array = np.rint(since / PICOSECOND).astype(np.int64)
    return picoseconds


def _overlapping(starts: Array, stops: Array) -> Ragged:
    """Return the indices starts[k]:stops[k] as rows."""
    counts = stops - starts
    offsets = np.append(0, np.cumsum(counts))
    return Ragged(np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts), offsets)
