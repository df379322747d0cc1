"""Several jobs of a simulation in one tree: the same numbers of events, but other particles of the beam."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....errors import InputError
from ....io.problems import place
from ....io.ragged import Array, Columns, length

SAME_LAYER = 0.5
"""Distance along the beam, mm or layers, up to which two steps may be in one layer."""
APART = 1.0
"""Distance across the beam, mm or pixels, beyond which two steps in one layer are not of one particle of the beam."""
LATER = 20e-9
"""Time, s, that no particle of the beam spends in a calorimeter; times may be rounded to single precision besides."""

FEWEST, IN_A_PLANE = 5, 0.6
"""Particles by which it is known along which axis the beam runs, and the share that comes in at one place there."""

ALONG_Z = np.array([False, False, True])
"""Which coordinate shows the layer where the beam runs along z."""

JUDGED, LARGEST_SHARE = 1000, 0.01
"""Events after which it is judged, again and again, and the share of events with two particles of the beam that is let pass, as of scatters backwards."""


class Entries(NamedTuple):
    """Where the particles of the beam come in: position (mm) and time (s) of the first step of each, (E,); NaN where there is none.

    Of fired pixels it is the first of a frame, and its column, row and layer.
    """

    x: Array
    y: Array
    z: Array
    time: Array

    def take(self, chosen: Array) -> Entries:
        """Return those of some events."""
        return Entries(*(values[chosen] for values in self))

    def others_than(self, them: Entries, along: Array) -> Array:
        """Return which are those of other particles than `them`, event by event: elsewhere in the same layer, or at another time.

        Args:
            along: which coordinates show the layer, see `planes`, bool (3,).
        """
        with np.errstate(invalid="ignore"):
            distance = np.abs(np.stack([a - b for a, b in zip(self[:3], them[:3], strict=True)]))
            apart = (distance[along] < SAME_LAYER).all(0) & (np.hypot.reduce(distance[~along]) > APART) if along.any() and not along.all() else False
            later = np.abs(self.time - them.time) > LATER + 2 * np.spacing(np.abs(them.time).astype(np.float32))
        other: Array = apart | later
        return other

    def planes(self) -> Array:
        """Return along which coordinates particles of the beam come in at one place, as they do along the beam, bool (3,)."""
        places = np.stack(self[:3])
        places = places[:, ~np.isnan(places).any(0)]
        if places.shape[1] < FEWEST:
            return np.zeros(3, dtype=bool)
        near = np.abs(places - np.median(places, axis=1, keepdims=True)) < SAME_LAYER
        found: Array = near.mean(1) > IN_A_PLANE
        return found

    def same_as(self, them: Entries) -> Array:
        """Return which are the same steps, event by event."""
        equal: Array = (self.x == them.x) & (self.y == them.y) & (self.z == them.z) & ~(np.abs(self.time - them.time) > 0)
        return equal


def of_beam(rows: Columns) -> Array:
    """Return which steps are those of the particle of the beam; of all, if that is not known."""
    for name, value in (("track_id", 1), ("parent_id", 0)):
        if name in rows:
            beam: Array = np.asarray(rows[name]) == value
            return beam
    return np.ones(length(rows), dtype=bool)


def entries(rows: Columns, starts: Array) -> Entries:
    """Return where the particles of the beam come in, of events that begin in the rows `starts`."""
    beam = np.flatnonzero(of_beam(rows))
    at = np.searchsorted(beam, starts)
    first = np.append(beam, length(rows))[at]
    there = first < np.append(starts[1:], length(rows))

    def values(name: str) -> Array:
        found = np.full(len(starts), np.nan)
        if name in rows:
            found[there] = np.asarray(rows[name])[first[there]]
        return found

    return Entries(*map(values, ("column", "row", "layer", "") if "column" in rows else ("x", "y", "z", "time")))


class TwoParticles:
    """Finds out whether rows of several jobs were sorted by event, so that protons with equal numbers lie in one another."""

    def __init__(self) -> None:
        self._events = self._two = 0
        self._first: InputError | None = None

    def see(self, rows: Columns, starts: Array) -> None:
        """Take rows of complete events with their layers; events begin in `starts`.

        Raises:
            InputError: too many events have two particles of the beam.
        """
        if "event" in rows and ("track_id" in rows or "parent_id" in rows):
            self._count(rows, starts)

    def end(self) -> None:
        """Judge what there was, however little.

        Raises:
            InputError: too many events have two particles of the beam.
        """
        self._refuse_many(self._events, self._two)

    def _refuse_many(self, events: int, two: int) -> None:
        if self._first is not None and two > LARGEST_SHARE * events:
            raise self._first

    def _count(self, rows: Columns, starts: Array) -> None:
        beam = np.flatnonzero(of_beam(rows))
        event = np.searchsorted(starts, beam, side="right") - 1
        here = Entries(*(np.asarray(rows[name])[beam].astype(np.float64) if name in rows else np.full(len(beam), np.nan) for name in Entries._fields))
        # Those of a narrow beam come in at one place, and are apart further in.
        _, first, number = np.unique(event * 256 + np.asarray(rows["layer"])[beam], return_index=True, return_inverse=True)
        other = here.others_than(entries(rows, starts).take(event), ALONG_Z) | here.others_than(here.take(first[number]), ALONG_Z)
        if self._first is None and other.any():
            self._first = _refused(rows, int(beam[np.argmax(other)]))
        before, total = self._events, np.cumsum(np.bincount(event[other], minlength=len(starts)) > 0)
        # Not after each chunk, so that nothing depends on how many rows come at a time.
        for at in range((before // JUDGED + 1) * JUDGED, before + len(starts) + 1, JUDGED):
            self._refuse_many(at, self._two + int(total[at - before - 1]))
        self._events += len(starts)
        self._two += int(total[-1]) if len(total) else 0


def _refused(rows: Columns, row: int) -> InputError:
    where = place(rows, row)
    return InputError(f"event {np.asarray(rows['event'])[row]} has two particles of the beam, which are in one layer at different places or times, and so have "
                      "others: jobs with equal numbers of events were merged, and cannot be taken apart in this order; give the files of the jobs one by one",
                      file=where.file, branch="event", entry=where.entry)
