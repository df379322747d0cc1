"""Stretches of an acquisition in which time goes on, from file to file and from run to run."""

from __future__ import annotations

from typing import Literal

import numpy as np

from ....io.ragged import Array, Columns

Rule = Literal["auto", "successive", "independent"]
Files = dict[int, set[int]]


class Segments:
    """Numbers the segments of singles, which come in the order of the files.

    A file or run begins a segment of its own if its first single is earlier than the middle of the
    one before: the parts of one acquisition follow each other, acquisitions of their own each begin
    near zero. What has few singles out of order at its ends stays together.

    Args:
        rule: "auto"; "independent": every file begins one; "successive": there is one only.

    Attributes:
        files: numbers of the files of each segment.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.files: Files = {}
        self._number = 0
        self._part: tuple[int, int, float, float] | None = None

    def add(self, rows: Columns) -> Array:
        """Return the segment of every single, int64; `rows` have `file`, `time` and perhaps `run`."""
        time, file = np.asarray(rows["time"]), np.asarray(rows["file"]).astype(np.int64)
        run = np.asarray(rows["run"]).astype(np.int64) if "run" in rows else np.zeros_like(file)
        if not len(time):
            return np.zeros(0, dtype=np.int64)
        begins = np.append(True, (np.diff(file) != 0) | (np.diff(run) != 0))
        starts = np.flatnonzero(begins)
        first, top = time[starts], np.maximum.reduceat(time, starts)
        files, runs = file[starts], run[starts]
        before = self._part
        going_on = before is not None and before[:2] == (files[0], runs[0])
        if before is not None and going_on:
            first[0], top[0] = before[2], max(before[3], top[0])
        elif before is not None:
            files, first, top = np.append(before[0], files), np.append(before[2], first), np.append(before[3], top)
        fresh = begins_anew(self.rule, files, first, top)
        # The first part goes on, or is the first of all, or comes after the one before, which was put in front.
        fresh = np.append(False, fresh) if before is None or going_on else fresh
        self._part = (int(file[-1]), int(run[-1]), float(first[-1]), float(top[-1]))
        numbers = self._number + np.cumsum(fresh)
        self._number = int(numbers[-1])
        for number, of_file in zip(numbers.tolist(), file[starts].tolist(), strict=True):
            self.files.setdefault(number, set()).add(of_file)
        segment: Array = numbers[np.cumsum(begins) - 1].astype(np.int64)
        return segment


def begins_anew(rule: Rule, files: Array, first: Array, top: Array) -> Array:
    """Return whether each part but the first begins a segment, bool (n - 1,).

    Args:
        files, first, top: number of the file, time of the first single and largest time of each part.
    """
    if rule == "successive":
        return np.zeros(len(first) - 1, dtype=bool)
    anew: Array = first[1:] < (first[:-1] + top[:-1]) / 2
    return anew | (np.diff(files) != 0) if rule == "independent" else anew


def told(files: Files, rule: Rule) -> list[str]:
    """Return how several files were taken, as a sentence without its full stop; none for one file.

    Args:
        files: see `Segments.files`.
    """
    n = len(set().union(*files.values()))
    if n < 2:
        return []
    if len(files) == 1:
        found = "as successive parts of one acquisition"
    elif max(len(members) for members in files.values()) == 1:
        found = "as acquisitions of their own, each of which begins anew in time"
    else:
        found = f"as {len(files)} acquisitions"
    why = ", by the times with which they begin (--files says otherwise)" if rule == "auto" else ""
    return [f"{n} files were read {found}{why}"]
