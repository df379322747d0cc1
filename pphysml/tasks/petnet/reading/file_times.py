"""Whether files lie in time as they should: one behind the other, in the order in which they were given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from ....errors import FileName
from ....io.ragged import Array
from .parts import Part
from .segments import Rule

SHARE = 0.01
"""Share of the shorter of two files that may overlap the other: singles out of order at the ends."""


class Span(NamedTuple):
    """First and last time of a part, s."""

    first: float
    last: float
    file: int

    def text(self, named: FileName) -> str:
        """Return it in words."""
        return f"of {named(self.file)} ({self.first:g} to {self.last:g} s)"

    def overlaps(self, other: Span) -> bool:
        """Return whether both have more of their time in common than singles out of order explain."""
        common = min(self.last, other.last) - max(self.first, other.first)
        return common > SHARE * min(self.last - self.first, other.last - other.first)


def times_told(parts: Sequence[Part], segments: Array, rule: Rule, named: FileName) -> list[str]:
    """Return what does not fit, sentences without full stops; nothing where each part was to be one by itself.

    Args:
        segments: of the parts, see `segments.segments_of`.
    """
    if rule == "independent":
        return []
    alone = [k for k, part in enumerate(parts) if part.joins is None]
    spans = [Span(parts[k].low, parts[k].top, parts[k].file) for k in alone]
    return [*_overlaps(spans, segments[alone].tolist(), named), *_wrong_order(spans, segments[alone].tolist(), named)]


def _overlaps(spans: list[Span], segments: list[int], named: FileName) -> list[str]:
    found = []
    latest: dict[int, Span] = {}
    for segment, span in sorted(zip(segments, spans, strict=True)):
        before = latest.get(segment)
        if before is not None and before.overlaps(span):
            found.append((before, span))
        latest[segment] = span if before is None else max(before, span, key=lambda one: one.last)
    return [f"the singles {before.text(named)} and those {span.text(named)} overlap in time{_more(found)}: they were paired with each other as those of one scanner; "
            "if the files are acquisitions of their own, give --files independent" for before, span in found[:1]]


def _wrong_order(spans: list[Span], segments: list[int], named: FileName) -> list[str]:
    found = [(a, b) for a, b in pairwise(spans) if b < a and not b.overlaps(a)]
    joined = len(set(segments)) == 1
    result = ("all were put in the order of time" if joined else
              "the files were taken as acquisitions of their own, without pairs of both; if they are parts of one, give them in the order of time")
    return [f"the singles {a.text(named)} come after those {b.text(named)}, which were given behind them{_more(found)}: {result}" for a, b in found[:1]]


def _more(found: list[tuple[Span, Span]]) -> str:
    return f" (and {len(found) - 1} more of such)" if len(found) > 1 else ""
