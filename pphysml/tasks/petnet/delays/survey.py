"""Calibration of the crystals' delays in the data themselves, without truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ....errors import InputError
from ....io.ragged import Array, Columns, concatenate, length, ragged, take
from ..coincidences.candidates import between
from ..coincidences.cut_kernel import Cuts, which_good
from ..coincidences.singles import singles_of
from ..reading.placement import PlacementSurvey, placement_at
from ..reading.slices import slice_times
from ..scanner.crystals import CrystalIndex
from ..scanner.scanner import Scanner
from .correction import Delays
from .fit import PairTimes, fit_delays
from .object_lines import flight, line_classes, middle_of

MOST_PAIRS = 10_000_000
"""Pairs from which delays are learnt at most."""

FEWEST_OF_CRYSTAL = 3
"""Singles of a crystal in the mean, below which positions are not those of crystals."""

PARTS = 8
"""Parts of the slices, each of which is corrected by what the others tell."""


class DelaySurvey:
    """Gathers the time differences of pairs.

    An object off the axis looks like delays, since its photons reach one side earlier: up to 3.3 ps for each mm.

    Args:
        scanner: tells the crystals; None takes ids, or positions.
        reach: largest difference of the measured times of a true pair, ps.
        cuts: pairs that pass them where the scanner stands are looked at; None takes all.
        flight: whether delays are to include the time of flight from the middle of the object, so that a window stays about it.
        axis, centre: of the scanner, see `reading.placement.placement_of`.
    """

    def __init__(self, scanner: Scanner | None, reach: float, cuts: Cuts | None = None, flight: bool = False, axis: str = "auto",
                 centre: Sequence[float] | None = None) -> None:
        self.axis, self.centre = axis, centre
        self.index = CrystalIndex(scanner)
        self.reach, self.cuts, self.flight = round(reach), cuts, flight
        self.n_singles = self.n_pairs = 0
        self._position = np.zeros((0, 3))
        self._parts: list[tuple[Array, Array, Array]] = []
        self._placement = PlacementSurvey(axis, centre)
        self._waiting: list[Columns] = []

    def add(self, examples: Columns) -> None:
        """Take slices; pairs beyond `MOST_PAIRS` are left out."""
        if self.cuts is None:
            self._take(examples)
            return
        # Cuts are of places in the scanner, which must be found first.
        self._placement.add(examples)
        self._waiting.append(examples)
        if not self._placement.wanted:
            self._take_waiting()

    def _take_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for examples in waiting:
            self._take(examples)

    def _take(self, examples: Columns) -> None:
        crystal, times = self.index.add(examples), slice_times(examples)
        offsets = ragged(examples, "time").offsets
        pairs = between(offsets, np.asarray(examples["n_owned"], dtype=np.int64), times, 0, 2 * self.reach, 0)
        a, b = crystal[pairs.first], crystal[pairs.second]
        good = (a != b) & (a >= 0) & (b >= 0)
        if self.cuts is not None:
            placed = self._placement.placement().placed(examples)
            good &= which_good(singles_of(placed, times), self.cuts, pairs.first, pairs.second)
        kept = np.flatnonzero(good)[: MOST_PAIRS - self.n_pairs]
        self._parts.append((a[kept].astype(np.int32), b[kept].astype(np.int32), pairs.dt[kept].astype(np.float32)))
        self._place(examples, crystal)
        self.n_singles += len(crystal)
        self.n_pairs += len(kept)

    def _place(self, examples: Columns, crystal: Array) -> None:
        """Keep where the first single of each crystal is."""
        number, row = np.unique(crystal, return_index=True)
        row = row[number >= len(self._position)]
        new = np.column_stack([ragged(examples, axis).flat[row] for axis in "xyz"])
        self._position = np.concatenate([self._position, new.astype(np.float64)])

    def delays(self) -> Delays:
        """Return what the pairs tell.

        Raises:
            InputError: there is nothing that tells the crystal of a single.
        """
        self._take_waiting()
        if self.n_singles < FEWEST_OF_CRYSTAL * len(self.index):
            raise InputError(f"There are {len(self.index)} different crystals for {self.n_singles} singles, too many to measure their delays: "
                             "give the branches of their ids (--map rsector_id=BRANCH and so on) or the scanner (--scanner).")
        a, b, dt = (np.concatenate([part[i] for part in self._parts]) if self._parts else np.zeros(0) for i in range(3))
        a, b, dt = a.astype(np.int64), b.astype(np.int64), dt.astype(np.float64)
        position = placement_at(self._position.T, self.axis, self.centre).points(self._position)
        p, q = position[a], position[b]
        kind = line_classes(p, q)
        if not self.flight:
            # As many randoms are beyond the reach as within it.
            dt = dt - flight(p, q, middle_of(p, q, np.where(dt > self.reach, -1.0, 1.0)))
        # Numbers depend on how many slices came at a time, and places do not: so sums have one order.
        place = self.index.places
        fit = fit_delays(PairTimes(place[a], place[b], dt, kind, self.reach), len(self.index))
        return Delays(self.index, replace(fit, delay=fit.delay[place], error=fit.error[place], known=fit.known[place]))


def measured(examples: Columns, scanner: Scanner | None, reach: float, axis: str = "auto", centre: Sequence[float] | None = None) -> Delays:
    """Return the delays that slices tell; see `DelaySurvey`."""
    survey = DelaySurvey(scanner, reach, axis=axis, centre=centre)
    survey.add(examples)
    return survey.delays()


def corrected_by_others(examples: Columns, scanner: Scanner | None, reach: float, delays: Delays, axis: str = "auto",
                        centre: Sequence[float] | None = None) -> Columns:
    """Return slices, each with times that are corrected by delays which other slices tell.

    Corrected by its own pairs a slice would look sharper than slices to come are, which `delays` of all correct.
    Few slices are corrected by these.
    """
    n = length(examples)
    if n < PARTS:
        return delays.corrected(examples)[0]
    part = np.arange(n) % PARTS
    found = concatenate([measured(take(examples, part != k), scanner, reach, axis, centre).corrected(take(examples, part == k))[0] for k in range(PARTS)])
    return take(found, np.argsort(np.argsort(part, kind="stable")))
