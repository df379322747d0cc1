"""Rates of singles of every crystal, and the rate of random pairs in a line of response that follows from them.

Singles of crystals i and j that have nothing to do with each other are within tau of each other with the rate 2 tau S_i S_j, where S_i and S_j
are the rates of all their singles, those of true pairs included (D. Brasse et al., J. Nucl. Med. 46 (2005) 859). Its error is that of two
counts of singles, and not that of the few delayed pairs in a line (M. E. Casey and E. J. Hoffman, J. Comput. Assist. Tomogr. 10 (1986) 845).

S_i is the rate of all singles, which a short time shows and which may fall or rise, times the share of the crystal, which takes many
singles to be known and changes where the object or the bed moves.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns, ragged
from ..reading.first_singles import own_singles
from ..scanner.crystals import CrystalIndex
from ..scanner.scanner import Scanner

EACH = 400
"""Singles of a crystal, in the mean over those that were hit, by which its share is known to 5 %."""

FEW = 10
"""And where shares have changed, which is worse than that they are known to a third."""

CHANGED = 7.0
"""Standard deviations of chi squared by which shares have changed."""

PIECE = 100_000
"""Singles after which it is asked whether there are as many, and whether shares are those of the ones before."""

IN_BIN = 10_000
"""Singles whose rate is one number; its square is known to 2 %."""

PAUSE = 50.0
"""Mean distances of singles between two that are a pause of the measurement."""


class Stretch(NamedTuple):
    """Slices that lie one behind the other in a segment.

    Attributes:
        segment: of the slices.
        begin, end: the first slice, and the one behind the last.
        counts: singles of each crystal, (C,).
    """

    segment: int
    begin: int
    end: int
    counts: NDArray[np.integer[Any]]

    def enough(self, each: int) -> bool:
        """Whether crystals have so many singles in the mean."""
        return bool(self.counts.sum() >= each * max(1, int(np.count_nonzero(self.counts))))

    def with_next(self, other: Stretch) -> Stretch:
        """Return both as one."""
        return Stretch(self.segment, self.begin, other.end, _sum(self.counts, other.counts))


class CrystalRates:
    """Counts the singles of a measurement by crystal and by time.

    Args:
        scanner: whose crystals they are; None takes ids, or else positions.
    """

    def __init__(self, scanner: Scanner | None) -> None:
        self.index = CrystalIndex(scanner)
        self._slices: list[NDArray[np.float64]] = []
        self._stretches: list[Stretch] = []
        self._open: Stretch | None = None
        self._piece: Stretch | None = None
        self._n_slices = self._n_singles = 0

    def add(self, examples: Columns) -> None:
        """Take the next slices, in the order of time; nothing depends on how many come at a time."""
        own = own_singles(examples)
        time, segment = ragged(own, "time"), np.asarray(own["segment"], dtype=np.int64)
        crystal, offsets = self.index.add(own), time.offsets
        self._slices.append(np.stack([segment, time.flat[offsets[:-1]], time.flat[offsets[1:] - 1], time.counts], axis=1).astype(np.float64))
        pieces = (self._n_singles + offsets) // PIECE
        cut = (np.diff(pieces[:-1], prepend=pieces[0]) > 0) | (np.diff(segment, prepend=segment[:1]) != 0)
        starts = np.unique([0, *np.flatnonzero(cut), len(segment)]).tolist()
        for begin, end in itertools.pairwise(starts):
            inside = crystal[offsets[begin] : offsets[end]]
            counts = np.bincount(inside[inside >= 0], minlength=len(self.index))
            part = Stretch(int(segment[begin]), self._n_slices + begin, self._n_slices + end, counts)
            if self._piece is not None and self._piece.segment != part.segment:
                self._end_piece()
            self._piece = part if self._piece is None else self._piece.with_next(part)
            if pieces[end] > pieces[end - 1]:
                self._end_piece()
        self._n_slices += len(segment)
        self._n_singles += int(offsets[-1])

    def _end_piece(self) -> None:
        """Take the singles since the last piece to the open stretch, or to a new one if they are of other shares."""
        piece, self._piece = self._piece, None
        if piece is None:
            return
        if self._open is not None and (self._open.segment != piece.segment or (self._open.enough(FEW) and changed(self._open.counts, piece.counts))):
            self._close()
        self._open = piece if self._open is None else self._open.with_next(piece)
        if self._open.enough(EACH):
            self._close()

    def _close(self) -> None:
        """End the open stretch; few singles of the same shares as those before belong to these."""
        if self._open is None:
            return
        last = self._stretches[-1] if self._stretches else None
        few = not self._open.enough(EACH) and last is not None and last.segment == self._open.segment
        if last is not None and few and not (self._open.enough(FEW) and changed(last.counts, self._open.counts)):
            self._stretches[-1] = last.with_next(self._open)
        else:
            self._stretches.append(self._open._replace(counts=self._open.counts.astype(np.int32)))
        self._open = None

    def random_rates(self, width: float) -> RandomRates:
        """Return the rates of random pairs, once all singles were taken.

        Args:
            width: range of the time differences in the window, of either sign, ps.
        """
        self._end_piece()
        self._close()
        slices = np.concatenate(self._slices) if self._slices else np.zeros((0, 4))
        shares = np.zeros((len(self._stretches), len(self.index)), dtype=np.float32)
        for row, stretch in zip(shares, self._stretches, strict=True):
            # Of all singles, those in no crystal included, whose rate it is multiplied by.
            row[: len(stretch.counts)] = stretch.counts / slices[stretch.begin : stretch.end, 3].sum()
        lengths = [stretch.end - stretch.begin for stretch in self._stretches]
        return RandomRates(self.index, 1e-12 * width, *_squared_rates(*slices.T), np.repeat(np.arange(len(lengths)), lengths), shares)


class RandomRates:
    """The rate of random pairs in each line of response at any time of a measurement.

    Args:
        index: of the crystals.
        width: range of the time differences, s.
        squared: square of the rate of all singles while each slice lasts, 1/s^2, (slices,).
        duration: of each slice, s.
        stretch: to which each slice belongs.
        shares: of the singles that each crystal has, (stretches, C).
    """

    def __init__(self, index: CrystalIndex, width: float, squared: Array, duration: Array, stretch: Array, shares: Array) -> None:
        self.index = index
        self.width = width
        self.squared, self.duration = squared, duration
        self.stretch, self.shares = stretch, shares

    def of(self, examples: Columns, first: Array, second: Array) -> NDArray[np.float64]:
        """Return the rate of random pairs in the line of response of each pair, at its time, 1/s, (P,); NaN for singles in no crystal.

        Args:
            examples: slices.
            first, second: indices of singles.
        """
        crystal, row = self.index.of(examples), np.searchsorted(ragged(examples, "time").offsets, first, side="right") - 1
        return self.between(np.asarray(examples["slice"])[row], crystal[first], crystal[second])

    def between(self, number: Array, first: Array, second: Array) -> NDArray[np.float64]:
        """Return the same for pairs of crystals while slices of these numbers last."""
        if not len(number):
            return np.zeros(0)
        stretch = self.stretch[number]
        rate = self.width * self.squared[number] * self.shares[stretch, first] * self.shares[stretch, second]
        return np.where((first < 0) | (second < 0), np.nan, rate)

    @property
    def expected(self) -> float:
        """Random pairs in all lines, those of one crystal with itself left out, whether they pass cuts or not."""
        others = self.shares.sum(1, dtype=np.float64) ** 2 - (self.shares**2).sum(1, dtype=np.float64)
        return 0.5 * self.width * float((self.squared * self.duration) @ others[self.stretch]) if len(self.stretch) else 0.0


def _squared_rates(segment: Array, start: Array, last: Array, n: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the square of the rate in the bin of each slice, and how long each lasts; slices are parted by pauses, as by segments.

    A time of m distances of singles has the mean 1 / S^2 of its square over (m - 1) (m - 2), so that this estimates S^2 without bias.
    """
    if not len(n):
        return np.zeros(0), np.zeros(0)
    distance = (last - start) / np.maximum(n - 1, 1)
    parted = (np.diff(segment) != 0) | (start[1:] - last[:-1] > PAUSE * np.maximum(distance[1:], distance[:-1]))
    follows = np.append(~parted, False)
    duration, distances = np.where(follows, np.append(start[1:], 0) - start, last - start), n - ~follows
    run = np.cumsum(np.append(0, parted))
    before = np.cumsum(n) - n
    since, total = before - before[np.searchsorted(run, run)], np.bincount(run, n)
    of_run = np.maximum(1, total // IN_BIN).astype(np.int64)
    place = np.minimum((since * (of_run / total)[run]).astype(np.int64), of_run[run] - 1)
    number = (np.cumsum(of_run) - of_run)[run] + place
    m, time = np.bincount(number, distances), np.bincount(number, duration)
    squared = np.where(time > 0, np.maximum((m - 1) * (m - 2), 0) / np.where(time > 0, time, 1) ** 2, 0.0)
    return squared[number], duration


def changed(one: Array, other: Array) -> bool:
    """Return whether two counts of singles by crystal are of other shares, by the chi squared of two samples.

    Of n singles of a crystal, p n are expected in one of them, and the term of the crystal has the mean 1 and the variance 2 + (1 / (p q) - 6) / n.
    """
    a, n = _sum(one, np.zeros(len(other), dtype=np.int64)), _sum(one, other)
    seen, p = n > 0, a.sum() / max(1, n.sum())
    if not 0.0 < p < 1.0:
        return False
    a, n, pq = a[seen], n[seen], p * (1 - p)
    chi2, variance = ((a - n * p) ** 2 / (n * pq)).sum(), (2 + (1 / pq - 6) / n).sum()
    return bool(chi2 - len(n) > CHANGED * np.sqrt(variance))


def _sum(one: Array, other: Array) -> NDArray[np.int64]:
    both = np.zeros(max(len(one), len(other)), dtype=np.int64)
    both[: len(one)] += one
    both[: len(other)] += other
    return both
