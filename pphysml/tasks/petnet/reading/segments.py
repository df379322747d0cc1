"""Stretches of an acquisition in which time goes on, over the parts of the input; see `parts`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from ....errors import FileName
from ....io.ragged import Array
from .falls import NUMBERS, TIME
from .parts import Part

Rule = Literal["auto", "successive", "independent"]

BEGINS = {TIME: "time begins", NUMBERS: "event numbers begin", TIME + NUMBERS: "time and event numbers begin"}


def segments_of(parts: Sequence[Part], rule: Rule, whole: bool) -> Array:
    """Return the segment of each part, int64 (parts,).

    A file begins a segment of its own if its first single is earlier than the middle of the part before: the
    parts of one acquisition follow each other, acquisitions of their own each begin near zero. What has
    few singles out of order at its ends stays together. Inside a file a segment begins where time does. A part
    that has other singles of the events of an earlier one goes with that.

    Args:
        rule: "auto"; "independent": every part is one; "successive": there is one only.
        whole: whether the singles of a part come in no order, so that its least time counts, and not its first one.
    """
    segments: list[int] = []
    for k, part in enumerate(parts):
        if part.joins is not None and rule == "auto":
            segments.append(segments[part.joins])
        else:
            begins = k == 0 or _begins(part, parts[k - 1], rule, whole)
            segments.append(max(segments, default=-1) + 1 if begins else segments[-1])
    return np.array(segments, dtype=np.int64)


def _begins(part: Part, before: Part, rule: Rule, whole: bool) -> bool:
    if rule != "auto":
        return rule == "independent"
    if part.anew:
        return bool(part.anew & TIME)
    return part.low < (before.low + before.top) / 2 if whole else part.first < (before.first + before.top) / 2


def told(parts: Sequence[Part], segments: Array, rule: Rule, named: FileName) -> list[str]:
    """Return how files, and what begins anew in them, were taken, sentences without full stops; none for one file that is one part.

    Args:
        segments: of the parts.
    """
    return [*_files_told(parts, segments, rule, named), *_parts_told(parts, rule, named)]


def _files_told(parts: Sequence[Part], segments: Array, rule: Rule, named: FileName) -> list[str]:
    n = len({part.file for part in parts})
    if n < 2:
        return []
    n_segments = len(set(segments.tolist()))
    joined = [part.file for part in parts if part.joins is not None]
    if joined and rule == "auto":
        return [f"{n} inputs were read as {n_segments} acquisition{'s' if n_segments > 1 else ''}: {named(joined[0])} has further singles of the events of another one, as trees of low and "
                "of high energies have, with which they were paired (--files says otherwise)"]
    if n_segments == 1:
        found = "as successive parts of one acquisition"
    elif n_segments == n == len(parts):
        found = "as acquisitions of their own, each of which begins anew in time"
    else:
        found = f"as {n_segments} acquisitions"
    why = ", by the times with which they begin (--files says otherwise)" if rule == "auto" else ""
    return [f"{n} files were read {found}{why}"]


def _parts_told(parts: Sequence[Part], rule: Rule, named: FileName) -> list[str]:
    """Return what begins anew inside files: where acquisitions were merged, and where event numbers alone begin."""
    goes_on = [part for part in parts if part.anew == NUMBERS and rule == "auto"]
    begins = [part for part in parts if part.anew and part not in goes_on]
    found = []
    for first in begins[:1]:
        found.append(f"{BEGINS[first.anew]} anew at entry {first.entry} of {named(first.file)}{_more(begins)}: what comes there was taken as an acquisition of its own, without "
                     "pairs of both, as jobs are that were merged into one tree (--files successive takes all as one)")
    for first in goes_on[:1]:
        found.append(f"event numbers begin anew at entry {first.entry} of {named(first.file)}{_more(goes_on)}, and time goes on: what comes there was taken as a successive part of "
                     "one acquisition (--files independent takes it as one of its own)")
    return found


def turns_told(turns: dict[int, int], named: FileName) -> list[str]:
    """Return in which file what is read falls back to the beginning, and is no acquisition of its own."""
    files = [file for file, n in turns.items() if n]
    return [f"{named(file)} falls back to where it began {turns[file]} times, but with other events, or in other places, as what threads or detectors wrote in turn: "
            f"it was taken as one acquisition{' (as are more files)' if len(files) > 1 else ''}" for file in files[:1]]


def _more(found: list[Part]) -> str:
    return f" (and at {len(found) - 1} more)" if len(found) > 1 else ""
