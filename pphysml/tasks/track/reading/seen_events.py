"""Which events of a job were there, and where their particles came in: of millions of them, as small as can be without loss."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ....io.ragged import Array
from .jobs import Entries

LARGEST = 2**62
"""Beyond it, no product of numbers of runs and events is stored as one integer."""


def keys_of(run: Array, event: Array) -> Array:
    """Return one number for each event that sorts as run, then event do."""
    # numpy compares complex numbers by their real parts first.
    keys: Array = run + 1j * event
    return keys


@dataclass(frozen=True)
class Keys:
    """Keys in rising order, as integers of 4 or 8 bytes: the number of the run, counted from `run`, times `span`, and that of the event, from `event`.

    With a span of 0 they are what they are.
    """

    stored: Array
    run: int = 0
    event: int = 0
    span: int = 0

    @classmethod
    def of(cls, run: Array, event: Array) -> Keys:
        """Return the keys of events, at least one, in their order."""
        first, low = int(run.min()), int(event.min())
        runs, span = int(run.max()) - first + 1, int(event.max()) - low + 1
        if span * runs >= LARGEST:
            return cls(keys_of(run, event))
        stored = event - low if runs == 1 else (run - first) * span + (event - low)
        return cls(stored.astype(np.uint32) if span * runs <= 2**32 else stored, first, low, span)

    def numbers(self) -> tuple[Array, Array]:
        """Return the numbers of runs and events."""
        if not self.span:
            return _numbers(self.stored)
        stored = self.stored.astype(np.int64)
        if stored[-1] < self.span:
            return np.full(len(stored), self.run), stored + self.event
        run, event = np.divmod(stored, self.span)
        return run + self.run, event + self.event

    def in_order(self, order: Array) -> Keys:
        """Return them in another order."""
        return replace(self, stored=self.stored[order])

    def find(self, keys: Array) -> tuple[Array, Array]:
        """Return which of some keys are among them, and the index of each that is."""
        wanted, may_be = keys, np.ones(len(keys), dtype=bool)
        if self.span:
            run, event = (number - first for number, first in zip(_numbers(keys), (self.run, self.event), strict=True))
            # Another type would make a copy of all that are stored.
            last, most = np.int64(self.stored[-1]), int(self.stored[-1]) // self.span
            may_be = (run >= 0) & (run <= most) & (event >= 0) & (event < self.span)
            wanted = np.minimum(np.where(may_be, run * self.span + event, 0), last).astype(self.stored.dtype)
            may_be &= np.where(may_be, run * self.span + event, 0) <= last
        place = np.minimum(np.searchsorted(self.stored, wanted), len(self.stored) - 1)
        return may_be & (self.stored[place] == wanted), place


class Seen:
    """The events of one job, each once, with where its particle came in; parts of it in rising order."""

    def __init__(self) -> None:
        self._keys: list[Keys] = []
        self._entries: list[Entries] = []
        self._highest = np.zeros(0, dtype=np.complex128)

    def some(self, further: Entries, most: int) -> Entries:
        """Return some entries of the job, with further ones, no more than `most` of both."""
        few = [found.take(np.arange(min(most, len(found.x)))) for found in (*self._entries[:1], further)]
        return Entries(*(np.concatenate(values) for values in zip(*few, strict=True)))

    def again(self, keys: Array, found: Entries) -> tuple[Array, Entries]:
        """Return which events were there before, in this job or further up in `keys`, and where their particles came in then; NaN for others."""
        _, first, number = np.unique(keys, return_index=True, return_inverse=True)
        again = np.arange(len(keys)) != first[number]
        before = found.take(first[number])
        # Events that rise, as GATE numbers them, need no search.
        if self._keys and len(keys) and keys[first[0]] <= self._highest[0]:
            self._join()
            of_old, place = self._keys[0].find(keys)
            before = Entries(*(np.where(of_old, old[place], new) for old, new in zip(self._entries[0], before, strict=True)))
            again |= of_old
        return again, Entries(*(np.where(again, values, np.nan) for values in before))

    def highest(self) -> Array:
        """Return the event that is the last in their order, none as long as there is none."""
        return self._highest

    def add(self, keys: Array, found: Entries, again: Array) -> None:
        """Add events, but those that were there before."""
        new = np.flatnonzero(~again)
        new = new[np.argsort(keys[new], kind="stable")]
        if not len(new):
            return
        rises = not self._keys or keys[new[0]] > self._highest[0]
        self._keys.append(Keys.of(*_numbers(keys[new])))
        self._entries.append(Entries(*(_smallest(values[new]) for values in found)))
        if rises:
            self._highest = keys[new[-1:]]
        else:
            self._join()

    def _join(self) -> None:
        if len(self._keys) == 1:
            return
        joined = Keys.of(*(np.concatenate(parts) for parts in zip(*(part.numbers() for part in self._keys), strict=True)))
        order = np.argsort(joined.stored, kind="stable")
        self._keys = [joined.in_order(order)]
        del joined
        columns = [list(parts) for parts in zip(*self._entries, strict=True)]
        self._entries = []
        # One after the other, so that no more than one is there twice.
        self._entries = [Entries(*(_joined(columns.pop(0), order) for _ in Entries._fields))]
        self._highest = keys_of(*(number[-1:] for number in self._keys[0].in_order(np.array([-1])).numbers()))


def _numbers(keys: Array) -> tuple[Array, Array]:
    """Return the numbers of runs and events of `keys_of`."""
    return keys.real.astype(np.int64), keys.imag.astype(np.int64)


def _joined(parts: list[Array], order: Array) -> Array:
    # Where one part has a number, and where one needs double precision, all are kept so.
    return _nothing(len(order)) if all(part.strides == (0,) for part in parts) else np.concatenate(parts)[order]


def _smallest(values: Array) -> Array:
    """Return the same numbers in single precision, or as a single one, if nothing is lost."""
    if np.isnan(values).all():
        return _nothing(len(values))
    single = values.astype(np.float32)
    return single if np.array_equal(single, values, equal_nan=True) else values


def _nothing(n: int) -> Array:
    return np.broadcast_to(np.array(np.nan, dtype=np.float32), (n,))
