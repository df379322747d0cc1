"""States of a measurement, in each of which the activity lies the same way: before and after a move of the bed or the object, say.

A measurement is looked at block by block. The lines of the true pairs of a block, which are those of all less those of random pairs, are
compared with those of the states that were seen before; it belongs to the one that it is most like, or begins another. Each state keeps a
sample of its slices, spread evenly over all its blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ....io.ragged import Array, Columns, concatenate, length, ragged, slice_rows, take
from ..coincidences.candidates import candidates
from ..coincidences.lines_of_response import Lines, lines_between
from ..reading.placement import Placement, placement_of
from .randoms import drawn, expected_randoms

BLOCK = 100_000
"""Singles of a block."""

SHORT = 0.5
"""Share of a block below which what ends an acquisition belongs to the block before it."""

MOST_PAIRS = 50_000
"""Pairs of a block that are looked at."""

FEWEST = 50
"""Pairs by which classes of lines are chosen."""

ANGLES, ASIDE, ALONG = 4, 12, 6
"""Classes of lines: by their angle, distance from the axis and middle along the axis."""

SIGNIFICANT = 6.0
"""Standard deviations of chi squared beyond which lines are different ones."""

OTHER, DIFFERENT = 0.5, 0.02
"""Squared difference of two densities of lines over the square of their mean, from which states are learnt apart whatever their number of pairs, and
below which they never are."""

WORTHWHILE = 3000.0
"""True pairs times that difference, in between, from which a state is learnt better by itself than from more pairs together with another."""

SHOWN = 5
"""Changes whose times are shown."""

LEAST_SAMPLE = 250_000
"""Singles of a state that are kept however many states there are."""


class Classes(NamedTuple):
    """Classes of lines, with the edges of their distances and middles, mm."""

    aside: Array
    along: Array

    @classmethod
    def of(cls, lines: Lines) -> Classes:
        """Make them so that each holds as many lines."""
        return cls(*(np.unique(np.quantile(values, np.arange(1, n) / n)) for values, n in ((lines.s, ASIDE), (lines.z, ALONG))))

    def counts(self, lines: Lines) -> Array:
        """Return how many lines are in each class."""
        angle = np.minimum((lines.phi / np.pi * ANGLES).astype(np.int64), ANGLES - 1)
        aside, along = np.searchsorted(self.aside, lines.s), np.searchsorted(self.along, lines.z)
        found: Array = np.bincount((angle * ASIDE + aside) * ALONG + along, minlength=ANGLES * ASIDE * ALONG).astype(np.float64)
        return found


class Seen(NamedTuple):
    """True pairs by the class of their line: their numbers, which may be negative by chance, and the variances of these."""

    true: Array
    variance: Array

    def and_those_of(self, other: Seen) -> Seen:
        """Return both together."""
        return Seen(self.true + other.true, self.variance + other.variance)


@dataclass
class State:
    """One state.

    Attributes:
        seen: its true pairs.
        stride: one of so many slices is kept.
        slices: parts of the sample, with the number of each slice in the state.
    """

    seen: Seen
    stride: int = 1
    n_slices: int = 0
    n_kept: int = 0
    slices: list[tuple[Array, Columns]] = field(default_factory=list)

    def add(self, slices: Columns, seen: Seen, most: int) -> None:
        """Take a block."""
        self.seen = self.seen.and_those_of(seen)
        number = self.n_slices + np.arange(length(slices))
        self.n_slices += length(slices)
        self._keep(number, slices)
        while self.n_kept > most and self.n_slices > self.stride:
            self.thin()

    def thin(self) -> None:
        """Keep half as many slices."""
        self.stride *= 2
        parts, self.slices, self.n_kept = self.slices, [], 0
        for number, slices in parts:
            self._keep(number, slices)

    def sample(self) -> Columns:
        """Return the slices that were kept."""
        return concatenate([slices for _, slices in self.slices])

    def _keep(self, number: Array, slices: Columns) -> None:
        chosen = number % self.stride == 0
        if chosen.any():
            kept = slices if chosen.all() else take(slices, chosen)
            self.slices.append((number[chosen], kept))
            self.n_kept += int(np.asarray(kept["n_owned"]).sum())


class States:
    """Sorts slices, without lent singles, into states.

    Args:
        window: largest time difference of the pairs that are looked at, ps.
        enough: singles that are kept of all states together.
        axis, centre: of the scanner, see `reading.placement.placement_of`.

    Attributes:
        found: the states.
        changes: segment and time (s) of the first single of each block that is in another state than the one before it.
    """

    def __init__(self, window: float, enough: int, axis: str = "auto", centre: Sequence[float] | None = None) -> None:
        self.window, self.enough = window, enough
        self.axis, self.centre = axis, centre
        self.found: list[State] = []
        self.changes: list[tuple[int, float]] = []
        self._held: Columns = {}
        self._classes: Classes | None = None
        self._placed = Placement()
        self._starts: list[int] = []
        self._of_block: list[int] = []
        self._segment = -1

    def add(self, slices: Columns) -> None:
        """Take the next slices, with `slice` `segment` `n_owned` and the columns of singles."""
        known = concatenate([part for part in (self._held, slices) if part])
        while (n := self._block(known)) < length(known):
            self._take(slice_rows(known, 0, n))
            known = slice_rows(known, n, length(known))
        self._held = known

    def finish(self) -> None:
        """Take what is left."""
        if length(self._held):
            self._take(self._held)
        self._held = {}

    def samples(self) -> list[Columns]:
        """Return the slices of each state that were kept, and keep them no longer."""
        found = [state.sample() for state in self.found]
        for state in self.found:
            state.slices = []
        return found

    @property
    def sentences(self) -> list[str]:
        """What should be known, sentences without full stops; nothing of one state."""
        if len(self.found) < 2:
            return []
        shown = ", ".join(f"{time:.6g} s" for _, time in self.changes[:SHOWN])
        more = f" and {len(self.changes) - SHOWN} times more" if len(self.changes) > SHOWN else ""
        return [f"the activity lies in {len(self.found)} different ways, each of which was learnt by itself: it changes at {shown}{more}"]

    def of(self, examples: Columns) -> Array:
        """Return the state of each slice, int64."""
        block = np.searchsorted(self._starts, np.asarray(examples["slice"]), side="right") - 1
        found: Array = np.asarray(self._of_block, dtype=np.int64)[np.maximum(block, 0)]
        return found

    def _block(self, known: Columns) -> int:
        """Return how many slices the first block has; all if more may come."""
        if not length(known):
            return 0
        segment, n = np.asarray(known["segment"]), np.cumsum(np.asarray(known["n_owned"], dtype=np.int64))
        of_segment = int(np.searchsorted(segment, segment[0], side="right"))
        full = int(np.searchsorted(n, min(BLOCK, self.enough))) + 1
        return min(full, of_segment)

    def _take(self, block: Columns) -> None:
        segment = int(np.asarray(block["segment"])[0])
        seen = self._seen(block)
        short = np.asarray(block["n_owned"]).sum() < SHORT * min(BLOCK, self.enough)
        going_on = segment == self._segment and bool(self._of_block)
        number = self._of_block[-1] if going_on and short else self._like(seen)
        if number == len(self.found):
            self.found.append(State(Seen(np.zeros_like(seen.true), np.zeros_like(seen.true))))
        if self._of_block and number != self._of_block[-1]:
            self.changes.append((segment, float(ragged(block, "time").flat[0])))
        self.found[number].add(block, seen, max(self.enough // len(self.found), min(self.enough, LEAST_SAMPLE)))
        self._starts.append(int(np.asarray(block["slice"])[0]))
        self._of_block.append(number)
        self._segment = segment

    def _like(self, seen: Seen) -> int:
        """Return the state that lines are like, the last one if they may be; a new one if there is none."""
        apart = [difference(seen, state.seen) for state in self.found]
        alike = [number for number, of in enumerate(apart) if not learnt_apart(of, seen, self.found[number].seen)]
        if not alike:
            return len(self.found)
        last = self._of_block[-1]
        return last if last in alike else min(alike, key=lambda number: apart[number])

    def _seen(self, block: Columns) -> Seen:
        if self._classes is None:
            self._placed = placement_of(block, self.axis, self.centre)
        block = self._placed.placed(block)
        pairs, random = candidates(block, self.window), drawn(block)
        thinned = slice(None, None, -(-len(pairs.dt) // MOST_PAIRS) or 1)
        lines = _lines(block, pairs.first[thinned], pairs.second[thinned])
        if self._classes is None and len(lines.phi) < FEWEST:
            return Seen(*np.zeros((2, ANGLES * ASIDE * ALONG)))
        if self._classes is None:
            self._classes = Classes.of(lines)
        found, alone = self._classes.counts(lines), self._classes.counts(_lines(block, *random))
        expected = float(expected_randoms(block, self.window).sum()) * len(lines.phi) / max(len(pairs.dt), 1) / max(len(random[0]), 1)
        return Seen(found - expected * alone, found + expected**2 * alone)


def _lines(block: Columns, first: Array, second: Array) -> Lines:
    p, q = (np.column_stack([ragged(block, axis).flat[index] for axis in "xyz"]) for index in (first, second))
    return lines_between(p, q)


def difference(one: Seen, other: Seen) -> float:
    """Return the squared difference of the densities of true lines, summed over classes, over the square of their mean; 0 if it may be chance."""
    n, m = one.true.sum(), other.true.sum()
    if n <= 0 or m <= 0:
        return 0.0
    a, b, variance = one.true / n, other.true / m, one.variance / n**2 + other.variance / m**2
    seen = variance > 0
    free = max(int(seen.sum()) - 1, 1)
    chi = float(((a - b)[seen] ** 2 / variance[seen]).sum())
    if chi - free < SIGNIFICANT * np.sqrt(2 * free):
        return 0.0
    mean = (a + b) / 2
    return float(((a - b) ** 2 - variance).sum() / max(float((mean**2 - variance / 4).sum()), 1e-12))


def learnt_apart(apart: float, one: Seen, other: Seen) -> bool:
    """Return whether states whose lines differ so much are better learnt each by itself."""
    pairs = min(float(one.true.sum()), float(other.true.sum()))
    return apart > OTHER or (apart > DIFFERENT and apart * pairs > WORTHWHILE)
