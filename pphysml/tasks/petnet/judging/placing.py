"""Slices as a scanner at the origin and along z would see them, once the first ones have shown where theirs stands."""

from __future__ import annotations

from collections.abc import Sequence

from ....io.ragged import Columns
from ..reading.placement import Placement, PlacementSurvey

Slices = tuple[Columns, Columns]
"""Slices, and the pairs that an engine reports of them."""


class Placing:
    """Keeps slices until there are enough singles to find the scanner, as engines do; see `reading.placement`.

    Args:
        axis, centre: see `placement_of`.

    Attributes:
        placement: where the scanner stands; at the origin until it is found.
    """

    def __init__(self, axis: str, centre: Sequence[float] | None) -> None:
        self.placement = Placement()
        self._survey = PlacementSurvey(axis, centre)
        self._waiting: list[Slices] = []

    def add(self, examples: Columns, predictions: Columns) -> list[Slices]:
        """Take slices, and return those that need not wait, placed."""
        wanted = self._survey.wanted
        self._survey.add(examples)
        self._waiting.append((examples, predictions))
        if wanted and not self._survey.wanted:
            self.placement = self._survey.placement()
        return [] if self._survey.wanted else self._placed()

    def rest(self) -> list[Slices]:
        """Return the slices that still wait, placed: there are no more."""
        if self._survey.wanted:
            self.placement = self._survey.placement()
        return self._placed()

    def _placed(self) -> list[Slices]:
        slices, self._waiting = self._waiting, []
        return [(self.placement.placed(examples), predictions) for examples, predictions in slices]
