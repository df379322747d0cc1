"""Protons to frames: which are read out together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ....io.hashing import combined
from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, concatenate, length, ragged, take
from .pooling import pool
from .spots import spots_of_frames

PATIENCE = 10_000
"""A frame ends if so many protons follow elsewhere, so that a beam that scans many spots needs bounded memory."""

GROUP = ("file", "job", "run", "spot_x", "spot_y", "rotation_angle", "phantom", "beam_bin", "beam_pdg")
SCANNED = ("spot_x", "spot_y", "beam_bin")
"""What protons of a frame have in common, and which of it they have not in a readout time: it does not wait for spot or energy."""

NEVER = np.iinfo(np.int64).max
LARGEST = 1e15
"""Number of a readout time beyond which doubles are not exact enough to count them."""


class Framing:
    """Collects protons into frames, independently of how many come at a time.

    A frame holds the next `sizes[k]` protons with hits of one beam spot, file and run, where k is drawn
    from the file, run and event of the first; or those whose first hits fall into one readout time, of whatever spots and energies.
    Spots may take turns. Frames leave in the order in which they are completed.

    Args:
        sizes: protons per frame; one of them is drawn for every frame.
        frame_time: readout time, s, in the place of `sizes`.
        keep_last: whether incomplete frames are kept; with `frame_time` all are.
    """

    def __init__(self, sizes: Sequence[int], frame_time: float | None = None, keep_last: bool = True) -> None:
        self.sizes = np.asarray(sizes, dtype=np.int64)
        self.frame_time = frame_time
        self.keep_last = keep_last or frame_time is not None
        self.n_protons = 0
        self.n_frames = 0
        self._open: Columns = {}

    def add(self, protons: Columns, last: bool = False) -> Columns:
        """Take protons in the order of the file, and return the frames that are complete with them.

        Args:
            protons: of `merge_steps`, with at least one hit each, and with `file` `run` `event` `entry`
                `spot_x` `spot_y`, and `noise` where all hits are noise; those that are `lost` do not count either.
            last: whether none follow.

        Returns:
            the columns of protons, one row per frame; `frame`, and with `event` `proton` and `n_protons`.

        Raises:
            InputError: protons go back in time.
        """
        n = length(protons)
        if n:
            arrived = {**protons, "ordinal": self.n_protons + np.arange(n)}
            if self.frame_time is not None:
                arrived["readout"] = self._readouts(protons, self.frame_time)
            self.n_protons += n
            self._open = concatenate([self._open, arrived]) if self._open else arrived
        if not length(self._open):
            return {}
        protons, starts, full = self._cut(self._open)
        ended = self._ended(protons, starts, full)
        ended[ended > self.n_protons] = NEVER
        leaving = (ended < NEVER) | last
        self._open = _of_frames(protons, starts, np.flatnonzero(~leaving))
        kept = np.flatnonzero(leaving & (full | self.keep_last))
        kept = kept[np.lexsort((np.asarray(protons["ordinal"])[starts[kept]], ended[kept]))]
        return self._frames(protons, starts, kept)

    @property
    def waiting(self) -> int:
        """Number of protons in frames that are not complete."""
        return length(self._open)

    def _cut(self, protons: Columns) -> tuple[Columns, Array, Array]:
        """Order protons by what frames have in common, files first; return them, the frames' starts, and which are full."""
        columns = self._common(protons)
        ordinal = np.asarray(protons["ordinal"])
        if any((c != c[0]).any() for c in columns) or (np.diff(ordinal) < 0).any():
            order = np.lexsort((ordinal, *reversed(columns)))
            protons = take(protons, order)
            columns, ordinal = [c[order] for c in columns], ordinal[order]
        fresh = np.ones(len(ordinal), dtype=bool)
        fresh[1:] = np.diff(ordinal) > PATIENCE
        for values in columns:
            fresh[1:] |= values[1:] != values[:-1]
        if "readout" in protons:
            self._refuse_backwards(protons, fresh)
            fresh[1:] |= np.diff(np.asarray(protons["readout"])) != 0
        size = np.full(len(fresh), NEVER) if self.frame_time is not None else self._sizes(protons)
        counted = ~np.asarray(protons["noise"])
        if "lost" in protons:
            counted &= ~np.asarray(protons["lost"])
        number, full = cut_frames(fresh, counted, size)
        return protons, np.flatnonzero(np.diff(number, prepend=-1)), full

    def _common(self, protons: Columns) -> list[Array]:
        """Return the columns that protons of a frame have in common, of those that there are; what is not known (NaN) is like what is not known."""
        names = [name for name in GROUP if name in protons and not (self.frame_time is not None and name in SCANNED)]
        return [np.nan_to_num(np.asarray(protons[name]), nan=-1e30) for name in names]

    def _sizes(self, protons: Columns) -> Array:
        """Return how many protons a frame would have if it began at each proton."""
        if len(self.sizes) == 1:
            return np.full(length(protons), self.sizes[0])
        names = ("file", "run", "event") if "event" in protons else ("file", "run", "entry")
        drawn: Array = self.sizes[combined(*(np.asarray(protons[name]) for name in names)) % np.uint64(len(self.sizes))]
        return drawn

    def _readouts(self, protons: Columns, frame_time: float) -> Array:
        """Return the number of the readout time of each proton's first hit.

        Raises:
            InputError: numbers of so short times are too large.
        """
        first = first_times(protons)
        with np.errstate(over="ignore"):
            number = np.floor(first / frame_time)
        refuse(protons, np.abs(number) >= LARGEST, "time", lambda row: (
            f"{first[row]:.6g} s is more than {LARGEST:.0e} times the --frame-time of {frame_time:g} s: give that in seconds"))
        return number.astype(np.int64)

    def _refuse_backwards(self, protons: Columns, fresh: Array) -> None:
        bad = np.zeros(len(fresh), dtype=bool)
        bad[1:] = (np.diff(np.asarray(protons["readout"])) < 0) & ~fresh[1:]
        refuse(protons, bad, "time", lambda row: (
            "goes back to an earlier frame of --frame-time; put the hits into the order of time with --sort (apply.sort=full); if runs "
            "were merged whose times begin anew, give their files one by one"))

    def _ended(self, protons: Columns, starts: Array, full: Array) -> Array:
        """Return how many protons must have come for each frame to be complete."""
        ordinal = np.asarray(protons["ordinal"])
        file = np.cumsum(np.any([np.diff(np.asarray(protons[name]), prepend=0) != 0 for name in ("file", "job") if name in protons], axis=0))
        stops = np.append(starts[1:], len(ordinal)) - 1
        ended: Array = ordinal[stops] + 1 + PATIENCE
        ended[full] = ordinal[stops[full]] + 1
        follows = np.all([g[starts[1:]] == g[stops[:-1]] for g in self._common(protons)], axis=0)
        ended[:-1] = np.where(follows, np.minimum(ended[:-1], ordinal[starts[1:]] + 1), ended[:-1])
        # Files, and the jobs in one, come one after the other: the first proton of the next one ends all frames of one.
        files, first = np.unique(file, return_index=True)
        opening = np.minimum.reduceat(ordinal, first)
        later = np.append(np.minimum.accumulate(opening[::-1])[::-1][1:], NEVER - 1) + 1
        of_file: Array = np.minimum(ended, later[np.searchsorted(files, file[starts])])
        return of_file

    def _frames(self, protons: Columns, starts: Array, kept: Array) -> Columns:
        if not len(kept):
            return {}
        counts = np.diff(np.append(starts, length(protons)))[kept]
        chosen = _of_frames(protons, starts, kept)
        frames = pool(chosen, counts)
        if self.frame_time is not None:
            frames |= spots_of_frames(chosen, counts)
        frames["frame"] = self.n_frames + np.arange(len(kept))
        if self.frame_time is not None:
            frames["frame"] = np.asarray(frames.pop("readout"))
        self.n_frames += len(kept)
        return frames


@njit(cache=True, nogil=True)
def cut_frames(fresh: NDArray[np.bool_], counted: NDArray[np.bool_], size: NDArray[np.int64]) -> tuple[Array, Array]:
    """Return the number of each proton's frame, and which frames are full.

    Args:
        fresh: where a frame begins in any case.
        counted: whether a proton counts; others fill no frame.
        size: of a frame that begins with this proton.
    """
    number = np.empty(len(fresh), dtype=np.int64)
    full = np.zeros(len(fresh), dtype=np.bool_)
    frame, left = -1, 0
    for i in range(len(fresh)):
        if fresh[i] or left == 0:
            frame += 1
            left = size[i]
        number[i] = frame
        left -= counted[i]
        full[frame] = left == 0
    return number, full[: frame + 1]


def _of_frames(protons: Columns, starts: Array, frames: Array) -> Columns:
    """Return the protons of the chosen frames, in the order in which these are chosen."""
    if len(frames) == len(starts) and (np.diff(frames) == 1).all():
        return protons
    rows = Ragged(np.arange(length(protons)), np.append(starts, length(protons)))
    return take(protons, rows.take(frames).flat)


def first_times(protons: Columns) -> Array:
    """Return the time of each proton's first hit, s."""
    time = ragged(protons, "time")
    return np.minimum.reduceat(time.flat, time.offsets[:-1])
