"""Pairs as programs for image reconstruction list them: time, difference of times, two crystals."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....io.ragged import Array, Columns
from ..coincidences.pairs import DELAYED, PROMPT
from ..config import PetConfig
from ..output.columns import KIND, of_kind
from ..scanner.scanner import LEVELS, Scanner
from ..schema import RANDOM_RATE, VOLUMES, gate_name

LATEST = 2**32
"""Milliseconds that 32 bits hold."""

MOVED = 2_000_000.0
"""Time from which on times are counted from the first pair, s; half of what 32 bits hold."""


ID_NAMES = {f.name: gate_name(f) for f in VOLUMES if f.name in (*LEVELS, "system_id")}

NEEDED = {KIND, RANDOM_RATE.name, *(f"{name}{number}" for number in (1, 2) for name in ("time", "file", "entry", *(f"globalPos{axis}" for axis in "XYZ"), *ID_NAMES.values()))}


class Lines(NamedTuple):
    """Pairs, (P,) each.

    Attributes:
        ms: uint32, time of the first single.
        dt: float32, time of the second single less that of the first, and of delayed pairs less the delay, ps.
        first, second: uint32, their crystals.
        randoms: float32, rate of random pairs between these, 1/s; None if it is not asked for.
    """

    ms: NDArray[np.uint32]
    dt: NDArray[np.float32]
    first: NDArray[np.uint32]
    second: NDArray[np.uint32]
    randoms: NDArray[np.float32] | None


def crystals(rows: Columns, scanner: Scanner, number: int) -> Array:
    """Return the crystal of the first (1) or second (2) single of pairs by its ids, -1 where these are none of the scanner's.

    What is described is one system, and a further one has crystals with the same ids.
    """
    ids = {level: rows[f"{name}{number}"] for level, name in ID_NAMES.items() if f"{name}{number}" in rows}
    further = np.asarray(ids.pop("system_id", 0)) > 0
    return np.where(further, -1, scanner.crystal_of(ids))


def rows_of(columns: Columns, kind: int) -> Columns:
    """Return what is needed of the pairs of a kind among those that the last step of applying returns."""
    return of_kind({name: column for name, column in columns.items() if name in NEEDED}, kind)


class Origin:
    """Time from which milliseconds count, the same for all lists of an output.

    Attributes:
        seconds: None before the first pair; 0 unless times are late.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None

    def before(self, time: NDArray[np.float64]) -> float:
        """Return it, for pairs at these times, s, which set it if they are the first."""
        if self.seconds is None and len(time):
            self.seconds = float(np.floor(time[0])) if abs(time[0]) > MOVED else 0.0
        return self.seconds or 0.0


def line_lists(config: PetConfig, scanner: Scanner) -> dict[str, LineList]:
    """Return a list for the prompt pairs, and one for the delayed ones if there are any, by what their names have behind that of the output."""
    origin = Origin()
    return {end: LineList(scanner, kind, origin, delay) for end, kind, delay in (("", PROMPT, 0.0), *([(".delay", DELAYED, config.apply.offset)] if config.apply.offset else []))}


class LineList:
    """Makes lines of pairs of a kind, and counts.

    Attributes:
        n: pairs so far.
        first_ms, last_ms: of all pairs so far.
    """

    def __init__(self, scanner: Scanner, kind: int, origin: Origin, delay: float) -> None:
        self.scanner = scanner
        self.kind = kind
        self.origin = origin
        self.delay = delay
        self.n, self.first_ms, self.last_ms = 0, LATEST, 0

    def add(self, columns: Columns) -> Lines:
        """Return the lines of the pairs of the kind among those that the last step returns.

        Raises:
            InputError: the ids of one are none of the scanner's, or its time has no place in 32 bits of milliseconds.
        """
        rows = rows_of(columns, self.kind)
        time = np.asarray(rows["time1"], dtype=np.float64)
        first, second = (self._known(rows, number) for number in (1, 2))
        ms = np.floor(1000.0 * (time - self.origin.before(time)))
        self._check(rows, (ms < 0) | (ms >= LATEST), 1, "time", "lies outside the 49 days that a list of events counts from its first one, in milliseconds; write earlier and later files apart")
        self.n += len(ms)
        self.first_ms, self.last_ms = int(ms.min(initial=self.first_ms)), int(ms.max(initial=self.last_ms))
        dt = 1e12 * (np.asarray(rows["time2"], dtype=np.float64) - time) - self.delay
        return Lines(ms.astype(np.uint32), dt.astype(np.float32), first, second, np.asarray(rows[RANDOM_RATE.name]) if RANDOM_RATE.name in rows else None)

    @property
    def warnings(self) -> list[str]:
        """That the list is empty, or from where its times count."""
        if not self.n:
            return [f"the list of {'delayed' if self.kind == DELAYED else 'prompt'} pairs is empty"]
        return [f"the times of the list of events count from {self.origin.seconds:.0f} s, since they would not fit into 32 bits of milliseconds"] if self.origin.seconds else []

    def _known(self, rows: Columns, number: int) -> NDArray[np.uint32]:
        crystal = crystals(rows, self.scanner, number)
        self._check(rows, crystal < 0, number, "rsector_id", f"its ids are none of the scanner {self.scanner.name!r}, whose crystals --list-format writes: "
                    "name the right --scanner, or leave the ids out to have them made from positions")
        return crystal.astype(np.uint32)

    @staticmethod
    def _check(rows: Columns, bad: Array, number: int, branch: str, reason: str) -> None:
        if bad.any():
            row = int(np.argmax(bad))
            file, entry = (int(np.asarray(rows[f"{name}{number}"])[row]) for name in ("file", "entry"))
            raise InputError(reason, file=file, entry=entry, branch=branch)
