"""Rows of a file to complete events: which rows are one event, and of which job of the simulation it is."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ....errors import FileName, InputError
from ....io.problems import place, refuse
from ....io.ragged import Array, Columns, concatenate, length, slice_rows
from .jobs import ALONG_Z, Entries, entries
from .seen_events import Seen, keys_of

MAX_ROWS = 1_000_000
"""An event of more rows is none, but a file without events."""

LOOKED_AT = 1000
"""Events behind a step back of their numbers by which it is judged whether a job begins there."""

A_JOB = 0.25
"""Share of those that were there before which have another particle of the beam, from which on it is one."""

FEWEST = 5
"""Events that rise where a job begins, among the numbers of the one before; where jobs take turns, numbers soon go on behind them."""

ONE = {"event": "an event", "frame": "a frame"}
NUMBERED = {"event": "the particles of the beam", "frame": "the readout frames"}
"""What a column numbers, one of them and all."""

ONE_BY_ONE = "give their files one by one"


class Events:
    """Holds back what is not decided: the last event until its end has come, and the first ones behind a step back.

    In each run of a job, events have different numbers. Where numbers step back and come again with other
    particles of the beam, the next job begins, as where the trees of two jobs were merged: `job`, from 0 in each
    file. Where rows have no `event`, each stands for itself.

    Args:
        name: column that numbers the events, or what else has several rows, as `frame`.
        any_order: whether an event may go on behind others.

    Attributes:
        jobs: number of a file -> the entries at which its jobs begin.
    """

    def __init__(self, name: str = "event", any_order: bool = False) -> None:
        self.name = name
        self.any_order = any_order
        self.jobs: dict[int, list[int]] = {}
        self._rest: Columns = {}
        self._file = -1
        self._seen = Seen()
        self._scattered = False
        self._previous: complex | None = None

    def add(self, rows: Columns, last: bool) -> Columns:
        """Return the rows of complete events, with `job`, in the order of the file.

        Args:
            rows: in the order of the file.
            last: whether none follow.

        Raises:
            InputError: an event goes on behind another one, or is too large.
        """
        rows = concatenate([part for part in (self._rest, rows) if part])
        if not length(rows) or self.name not in rows:
            return {**rows, "job": np.zeros(length(rows), dtype=np.int32)} if rows else rows
        starts = event_starts(rows, self.name)
        if len(starts) and length(rows) - starts[-1] > MAX_ROWS:
            other = ", or use --frame-time" if self.name == "event" else ""
            raise InputError(f"{self.name} {np.asarray(rows[self.name])[-1]} has more than {MAX_ROWS} rows; if these are not the numbers of "
                             f"{NUMBERED[self.name]}, name another branch with --map {self.name}=BRANCH{other}", branch=self.name)
        job = self._jobs(rows, starts, last)
        stop = length(rows) if last or len(job) == len(starts) else int(starts[len(job)])
        self._rest = slice_rows(rows, stop, length(rows))
        counts = np.diff(np.append(starts[: len(job)], stop))
        return {**slice_rows(rows, 0, stop), "job": np.repeat(job, counts)}

    def facts(self) -> dict[str, int]:
        """Return the number of jobs, where files hold several."""
        n = sum(map(len, self.jobs.values()))
        return {"jobs": n} if n > len(self.jobs) else {}

    def warnings(self, named: FileName) -> list[str]:
        """Return which files hold several jobs."""
        return [f"{named(file)} holds {len(begun)} jobs with the same numbers of {self.name}s, which begin at the entries {' and '.join(map(str, begun))}: "
                f"their {self.name}s are kept apart, and frames are of one job (branch `job`)" for file, begun in self.jobs.items() if len(begun) > 1]

    def _jobs(self, rows: Columns, starts: Array, last: bool) -> Array:
        """Return the job of each event that is decided, int32; events begin in the rows `starts`."""
        file, run, number = (np.asarray(rows[name])[starts] for name in ("file", "run", self.name))
        keys, found = keys_of(run, number), entries(rows, starts)
        job = np.zeros(len(starts), dtype=np.int32)
        cut = [0, *(np.flatnonzero(np.diff(file)) + 1).tolist(), len(file)]
        for first, end in pairwise(cut):
            ended = last or end < len(file)
            # The last event may go on.
            stop = end if ended else end - 1
            if first < stop and file[first] != self._file:
                self._begin(int(file[first]), rows, int(starts[first]))
            decided = first + self._decided(keys[first:stop], ended)
            part = slice(first, decided)
            job[part] = self._jobs_of_file(rows, starts[part], keys[part], found.take(np.arange(first, decided)))
            if decided < end:
                return job[:decided]
        return job

    def _begin(self, file: int, rows: Columns, row: int) -> None:
        # Files are read one after the other, so that those before cannot go on.
        self._file, self._previous = file, None
        self._begin_job(rows, row)

    def _begin_job(self, rows: Columns, row: int) -> None:
        self._seen, self._scattered = Seen(), False
        self.jobs.setdefault(self._file, []).append(place(rows, row).entry)

    def _blocks(self, keys: Array) -> Array:
        """Return the number of the block of rising events that each one is in; 0 goes on with what was there."""
        before = np.concatenate([keys[:1] if self._previous is None else [self._previous], keys])
        blocks: Array = np.cumsum(before[1:] < before[:-1])
        return blocks

    def _decided(self, keys: Array, ended: bool) -> int:
        """Return how many events can be judged: all up to the last step back behind which too few have come."""
        block = self._blocks(keys)
        if ended or not len(block) or block[-1] == 0:
            return len(keys)
        begun = int(np.searchsorted(block, block[-1]))
        return len(keys) if len(keys) - begun >= LOOKED_AT else begun

    def _jobs_of_file(self, rows: Columns, starts: Array, keys: Array, found: Entries) -> Array:
        """Return the jobs of events of the current file, and remember these."""
        job = np.zeros(len(keys), dtype=np.int32)
        done = 0
        while done < len(keys):
            rest = np.arange(done, len(keys))
            again, before = self._seen.again(keys[rest], found.take(rest))
            block = self._blocks(keys[rest])
            other = again & found.take(rest).others_than(before, self._along(found.take(rest[block == 0])))
            stop = done + (len(rest) if self._scattered else self._job_ends(keys[rest], block, again, other))
            part = slice(0, stop - done)
            self._scattered |= bool((again & ~other)[part].any())
            if not self.any_order and again[part].any():
                self._refuse_again(rows, starts[done:stop], again[part], other[part], found.take(rest).same_as(before)[part])
            self._seen.add(keys[done:stop], found.take(rest[part]), again[part])
            job[done:stop] = len(self.jobs[self._file]) - 1
            self._previous = keys[stop - 1] if stop else self._previous
            done = stop
            if done < len(keys):
                self._begin_job(rows, int(starts[done]))
                self._previous = None
        return job

    def _along(self, found: Entries) -> Array:
        """Return which coordinates show the layer, see `Entries.planes`, with the entries of further events of the job."""
        return ALONG_Z if self.name == "frame" else self._seen.some(found, LOOKED_AT).planes()

    def _job_ends(self, keys: Array, block: Array, again: Array, other: Array) -> int:
        """Return how many events come before the first block of rising ones that is another job.

        Args:
            keys: of the events.
            block: see `_blocks`.
            again, other: which were there before, and which of these with another particle of the beam.
        """
        first = np.searchsorted(block, np.arange(block[-1] + 1))
        judged = np.flatnonzero((np.arange(len(block)) - first[block] < LOOKED_AT) & (block > 0))
        n, n_again, n_other = (np.bincount(block[judged][which[judged]], minlength=len(first)) for which in (np.ones(len(keys), dtype=bool), again, other))
        # Behind events that went on behind others, rows are in no order, and nothing says where a job begins.
        in_order = first <= np.append(np.flatnonzero(again & ~other), len(keys))[0]
        jobs = np.flatnonzero((n_other > 0) & (n_other >= A_JOB * n_again) & (n >= FEWEST) & in_order)
        return next((begins for begins in first[jobs].tolist() if self._is_among(keys, begins)), len(keys))

    def _is_among(self, keys: Array, begins: int) -> bool:
        """Return whether the first events of a block are among the numbers of those before."""
        before = np.concatenate([self._seen.highest(), keys[:begins]])
        return bool(keys[begins + FEWEST - 1] <= before.max())

    def _refuse_again(self, rows: Columns, starts: Array, again: Array, other: Array, same: Array) -> None:
        bad = np.zeros(length(rows), dtype=bool)
        bad[starts] = again
        known = dict(zip(starts[again].tolist(), zip(other[again].tolist(), same[again].tolist(), strict=True), strict=True))
        refuse(rows, bad, self.name, lambda row: f"{self.name} {np.asarray(rows[self.name])[row]} {_what_is_wrong(self.name, *known[row])}")


def _what_is_wrong(name: str, other: bool, same: bool) -> str:
    """Return what is wrong with an event that comes again: with another particle, with the same steps, or with further ones."""
    if same and name == "event":
        return "comes again with the same rows; files were merged that share some: merge each of them once"
    if other:
        return f"comes again with others: rows of several jobs with the same numbers take turns; {ONE_BY_ONE}"
    merged = f"; if jobs with the same numbers were merged, {ONE_BY_ONE}" if name != "event" else ""
    return f"goes on behind other {name}s, but the rows of {ONE[name]} must follow one another: put them together with --sort (apply.sort=full){merged}"


def event_starts(rows: Columns, event: str = "event") -> Array:
    """Return the rows where another event begins than that of the row before; each row does where they have no such column."""
    edge = np.ones(length(rows), dtype=bool)
    if event in rows:
        for values in (np.asarray(rows[name]) for name in ("file", "job", "run", event) if name in rows):
            edge[1:] &= values[1:] == values[:-1]
        edge[1:] = ~edge[1:]
    return np.flatnonzero(edge)
