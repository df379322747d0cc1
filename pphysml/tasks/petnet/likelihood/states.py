"""States of a measurement, in each of which the activity lies the same way: before and after a move of the bed or the object, say.

A measurement is looked at block by block. The lines of the true pairs of a block, which are those of all less those of random pairs, are
compared with those of the states that were seen before; it belongs to the one that it is most like, or begins another. Each state keeps a
sample of its slices, spread evenly over all its blocks. Of more states than are wanted, two become one time and again: those by which least is lost.
"""

from __future__ import annotations

import itertools
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
"""Singles of a state that are kept of a few states, however few are wanted of all."""

FEW = 12
"""States up to which that is so; more of them share what this makes, so that learning takes no longer."""


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
        self.thin_to(most)

    def thin_to(self, most: int) -> None:
        """Keep so many singles at most, evenly spread."""
        while self.n_kept > most and self.n_slices > self.stride:
            self.thin()

    def thin(self) -> None:
        """Keep half as many slices."""
        self.stride *= 2
        parts, self.slices, self.n_kept = self.slices, [], 0
        for number, slices in parts:
            self._keep(number, slices)

    def join(self, other: State, most: int) -> None:
        """Take all of another state."""
        while self.stride != other.stride:
            min(self, other, key=lambda state: state.stride).thin()
        behind = -(-self.n_slices // self.stride) * self.stride
        self.slices += [(behind + number, slices) for number, slices in other.slices]
        self.seen, self.n_kept, self.n_slices = self.seen.and_those_of(other.seen), self.n_kept + other.n_kept, behind + other.n_slices
        self.thin_to(most)

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
        most: states that are kept apart.
        axis, centre: of the scanner, see `reading.placement.placement_of`.

    Attributes:
        found: the states.
        joined: whether there were more than `most`.
    """

    def __init__(self, window: float, enough: int, most: int = 32, axis: str = "auto", centre: Sequence[float] | None = None) -> None:
        self.window, self.enough, self.most = window, enough, most
        self.axis, self.centre = axis, centre
        self.found: list[State] = []
        self.joined = False
        self._held: Columns = {}
        self._classes: Classes | None = None
        self._placed = Placement()
        self._starts: list[int] = []
        self._of_block: list[int] = []
        self._begins: list[tuple[int, float]] = []

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
    def changes(self) -> list[tuple[int, float]]:
        """Segment and time (s) of the first single of each block that is in another state than the one before it."""
        return [self._begins[block] for block in range(1, len(self._begins)) if self._of_block[block] != self._of_block[block - 1]]

    @property
    def sentences(self) -> list[str]:
        """What should be known, sentences without full stops; nothing of one state."""
        if len(self.found) < 2 and not self.joined:
            return []
        changes = self.changes
        shown = ", ".join(f"{time:.6g} s" for _, time in changes[:SHOWN])
        more = f" and {len(changes) - SHOWN} times more" if len(changes) > SHOWN else ""
        when = f": it changes at {shown}{more}" if changes else ""
        if not self.joined:
            return [f"the activity lies in {len(self.found)} different ways, each of which was learnt by itself{when}"]
        return [f"the activity lies in more than {self.most} different ways, and those most alike were learnt together, as {len(self.found)}{when}; "
                f"pairs may be lost by that: --set apply.most_states={2 * self.most} learns more of them each by itself, in seconds for each"]

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
        going_on = bool(self._begins) and segment == self._begins[-1][0]
        number = self._of_block[-1] if going_on and short else self._like(seen)
        if number == len(self.found):
            self.found.append(State(Seen(np.zeros_like(seen.true), np.zeros_like(seen.true))))
        self.found[number].add(block, seen, self._most_kept)
        self._starts.append(int(np.asarray(block["slice"])[0]))
        self._of_block.append(number)
        self._begins.append((segment, float(ragged(block, "time").flat[0])))
        if len(self.found) > self.most:
            self._join_two()
        if len(self.found) > FEW:
            for state in self.found:
                state.thin_to(self._most_kept)

    @property
    def _most_kept(self) -> int:
        """Singles of a state that are kept."""
        n = len(self.found)
        return max(self.enough // n, min(self.enough, LEAST_SAMPLE, FEW * LEAST_SAMPLE // n))

    def _join_two(self) -> None:
        """Make one of two states by which least is lost."""
        self.joined = True
        one, other = min(itertools.combinations(range(len(self.found)), 2), key=lambda two: lost(*(self.found[number].seen for number in two)))
        gone = self.found.pop(other)
        self.found[one].join(gone, self._most_kept)
        self._of_block = [one if number == other else number - (number > other) for number in self._of_block]

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
    return apart > OTHER or (apart > DIFFERENT and apart * _fewer(one, other) > WORTHWHILE)


def lost(one: Seen, other: Seen) -> float:
    """Return what is lost where two states are learnt together: the fewer true pairs times the difference of their lines."""
    return difference(one, other) * _fewer(one, other)


def _fewer(one: Seen, other: Seen) -> float:
    return min(float(one.true.sum()), float(other.true.sum()))
