"""What singles show of dead time and of efficiencies, which nothing corrects.

Behind a single its volume takes no other while it is dead, for a time T, so that short gaps between singles of one volume are missing. How many
gaps there are of T to 2 T shows whether singles that are lost prolong it: of m singles per s that are seen, each has m T of them if they do (paralysable), and
m T (1 - exp(-x)) (1 + x) / x if not, where x / (1 + x) is the part of all singles that is lost; that holds also where only some of those that cause it are
seen, as those in an energy window are. Both follow from the gaps between counts (G. F. Knoll, Radiation Detection and Measurement, chapter 4).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.hashing import combined
from ....io.ragged import Array, Columns, concatenate, length, ragged
from ..scanner.crystals import CrystalIndex
from ..scanner.scanner import Scanner
from .first_singles import FirstSingles
from .placement import placement_at
from .volumes import LEVELS, at_level

AROUND = LEVELS[: LEVELS.index("crystal")]
"""Volumes around a crystal."""

ENOUGH = 500_000
"""Singles that are looked at."""

EXPECTED = 30.0
"""Gaps without which nothing is said of their absence."""

LEAK = 0.02
"""Part of the gaps expected that there may be in a dead time."""

SIGNIFICANT = 5.0
"""Standard deviations by which one kind of dead time must differ from the other."""

MOST_LOST = 0.64
"""Part of the singles that are lost, beyond which there would be fewer short gaps again."""

OF_CRYSTAL = 20.0
"""Singles of a crystal in the mean, from which their spread says something."""

STEP = 0.1
"""Rounding of the places of rings, mm."""


@dataclass(frozen=True)
class SeenDeadTime:
    """A dead time as gaps show it.

    Attributes:
        volume: that is dead.
        time: for which it is, s.
        paralysable: whether lost singles prolong it; None if that cannot be seen.
        loss: part of the singles that are lost by it: of all if lost ones do not prolong it, else at least.
    """

    volume: str
    time: float
    paralysable: bool | None
    loss: float

    def __str__(self) -> str:
        """Say it in words."""
        kind = {None: "whether lost singles prolong it cannot be seen", True: "lost singles prolong it", False: "lost singles do not prolong it"}[self.paralysable]
        lost = f"about {self.loss:.2%} of the singles are lost" if self.paralysable is False else f"{self.loss:.2%} of the singles are lost at least, more if those outside the energy window cause it too"
        return f"about {1e9 * self.time:.3g} ns of a {self.volume} ({kind}); by it {lost}; not corrected"


def seen_dead_time(volume: str, time: Array, number: NDArray[np.uint64], segment: Array) -> SeenDeadTime | float:
    """Return the dead time that gaps between singles show, or the length of which there is none, s.

    Args:
        volume: what the volumes are called.
        time: of singles, s, in order inside each segment.
        number, segment: of the volume and of the segment of each.
    """
    apart = combined(segment, number.view(np.int64))
    order = np.argsort(apart, kind="stable")
    same = apart[order[1:]] == apart[order[:-1]]
    gaps = np.sort(np.diff(time[order])[same])
    begins = np.flatnonzero(np.append(True, ~same))
    singles = np.diff(np.append(begins, len(order)))
    rate = np.repeat(singles / _durations(time, segment)[order[begins]], np.maximum(singles - 1, 0))
    density = float(rate.sum())
    if not density:
        return np.inf
    expected = density * gaps
    missing = np.flatnonzero((np.arange(len(gaps)) <= LEAK * expected) & (expected >= EXPECTED))
    if not len(missing):
        return EXPECTED / density
    dead = _edge(gaps, int(missing[-1]))
    found = int(np.count_nonzero((gaps > dead) & (gaps <= 2 * dead)))
    part = rate * dead
    kind = _paralysable(found, part)
    return SeenDeadTime(volume, dead, kind, _lost_of_all(found, part) if kind is False else float(part.mean()))


def _durations(time: Array, segment: Array) -> Array:
    """Return how long the segment of each single lasts, s."""
    numbers, of = np.unique(segment, return_inverse=True)
    first, last = np.full(len(numbers), np.inf), np.full(len(numbers), -np.inf)
    np.minimum.at(first, of, time)
    np.maximum.at(last, of, time)
    lasting: Array = np.maximum(last - first, 1e-300)
    return lasting[of]


def _edge(gaps: Array, last: int) -> float:
    """Return the dead time, where the number of gaps, in order, begins to rise; it has risen by a few at this one of them."""
    reached = gaps[last]
    rise = np.count_nonzero((gaps > reached) & (gaps <= 1.5 * reached)) / (0.5 * reached)
    leaking = np.count_nonzero(gaps < 0.9 * reached) / 0.9
    return float(reached - max(last - leaking, 0.0) / max(rise, 1e-300))


def _paralysable(found: int, part: Array) -> bool | None:
    """Return the kind of dead time by the gaps of one to two of it, and the part of the time that each gap's volume is dead by singles that are seen."""
    prolonged = float(part.sum())
    error = SIGNIFICANT * np.sqrt(prolonged)
    if found > prolonged + error:
        return False
    return True if _gaps_if_fixed(part, part) > prolonged + 2 * error else None


def _gaps_if_fixed(part: Array, lost: Array) -> float:
    """Return how many gaps of one to two dead times there are if lost singles do not prolong it, and these parts of all are lost."""
    load = lost / np.maximum(1 - lost, 1e-9)
    return float((part * (1 - np.exp(-load)) * (1 + load) / np.maximum(load, 1e-300)).sum())


def _lost_of_all(found: int, part: Array) -> float:
    """Return the part of all singles that is lost by a dead time which they do not prolong: all cause it, of which the same part is seen everywhere."""
    low, high = 1.0, max(1.0, MOST_LOST / float(part.max()))
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if _gaps_if_fixed(part, middle * part) < found else (low, middle)
    return float(1 - len(part) / (1 / (1 - low * part)).sum())


class Losses:
    """Looks at the first singles of a measurement.

    Args:
        scanner: whose crystals they are; None takes ids, or else positions.
        axis, centre: of the scanner, see `placement.placement_of`.
    """

    def __init__(self, scanner: Scanner | None, axis: str = "auto", centre: tuple[float, float, float] | None = None) -> None:
        self.scanner, self.axis, self.centre = scanner, axis, centre
        self._first = FirstSingles(ENOUGH)
        self._index = CrystalIndex(scanner)
        self._singles: list[Columns] = []

    def add(self, examples: Columns) -> None:
        """Take the next slices."""
        if not self._first.wanted or not length(examples):
            return
        own = self._first.of(examples)
        ids = {f"{name}_id": ragged(own, f"{name}_id").flat for name in ("system", "gantry", *AROUND) if f"{name}_id" in own}
        segment = np.repeat(np.asarray(own["segment"]), ragged(own, "time").counts)
        places = {axis: ragged(own, axis).flat for axis in ("time", *"xyz")}
        self._singles.append({**ids, **places, "segment": segment, "crystal": self._index.add(own)})

    def facts(self) -> dict[str, str]:
        """Return what was seen of dead time, and of the efficiencies of crystals, in words by name."""
        singles = concatenate(self._singles) if self._singles else {}
        if not length(singles):
            return {}
        return {"dead_time": self._dead_time(singles)} | self._efficiencies(singles)

    def _dead_time(self, singles: Columns) -> str:
        """Return the dead time of the outermost volume that has one."""
        time, segment = np.asarray(singles["time"]), np.asarray(singles["segment"])
        limit = np.inf
        for name, number in self._volumes(singles):
            seen = seen_dead_time(name, time, number, segment)
            if isinstance(seen, SeenDeadTime):
                return str(seen)
            limit, innermost = seen, name
        return f"none of more than {1e9 * limit:.3g} ns of a {innermost} is seen" if np.isfinite(limit) else "too few singles show none"

    def _volumes(self, singles: Columns) -> list[tuple[str, NDArray[np.uint64]]]:
        """Return the volumes of singles from the outermost: those of whose ids all singles have one, and crystals."""
        known = []
        for name in AROUND:
            if f"{name}_id" not in singles or (np.asarray(singles[f"{name}_id"]) < 0).any():
                break
            known.append((name, at_level(singles, name)))
        return [*known, ("crystal", np.asarray(singles["crystal"]).view(np.uint64))]

    def _efficiencies(self, singles: Columns) -> dict[str, str]:
        """Return by how much the singles of the crystals of one ring differ, beyond what counting makes, and how many crystals have none."""
        crystal = np.asarray(singles["crystal"])
        known, n_crystals = crystal >= 0, len(self._index)
        if known.sum() < OF_CRYSTAL * n_crystals:
            return {}
        n = np.bincount(crystal[known], minlength=n_crystals)
        place = np.stack([np.asarray(singles[axis])[known] for axis in "xyz"]).astype(np.float64)
        seen = placement_at(place, self.axis, self.centre).points(place.T)
        _, of_ring = np.unique(np.rint(np.bincount(crystal[known], seen[:, 2], n_crystals) / n / STEP), return_inverse=True)
        mean = (np.bincount(of_ring, n) / np.bincount(of_ring))[of_ring]
        several = np.bincount(of_ring)[of_ring] > 1
        spread = float(((n / mean - 1) ** 2 - 1 / mean)[several].mean()) if several.any() else 0.0
        counting = float(np.sqrt(2 / max(several.sum(), 1)) / mean.mean())
        differ = f"differ by {np.sqrt(spread):.1%}" if spread > 3 * counting else f"differ by no more than counting makes, {np.sqrt(3 * counting):.1%} at most,"
        without = 0 if self.scanner is None else self.scanner.n_crystals - n_crystals
        none = f"; {without} of {n_crystals + without} crystals have none" if without else ""
        return {"singles_of_crystals": f"{differ} within rings (standard deviation without that of counting), by efficiency, gaps and where the activity is{none}; not normalised"}
