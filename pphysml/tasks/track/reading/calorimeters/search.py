"""The search for the calorimeter of an input, stretch by stretch, until the hits of one show it."""

from __future__ import annotations

from collections.abc import Callable

from .....errors import InputError
from .calorimeter import Calorimeter

LEARNING = 20_000
"""Hits of a stretch, by which a calorimeter is recognised."""

MOST_STRETCHES = 20
"""After which it is given up: noise at the start of a file comes to an end."""


Recognise = Callable[[int, int], Calorimeter]
"""Returns the calorimeter that the hits first:stop show, or raises InputError."""


class Search:
    """Looks at one stretch of hits after the other."""

    def __init__(self) -> None:
        self._tried = 0
        self._reason: InputError | None = None

    @property
    def wanted(self) -> int:
        """How many hits there must be for the next look."""
        return self._tried + LEARNING

    def look(self, hits: int, last: bool, recognise: Recognise) -> Calorimeter | None:
        """Return the calorimeter, or None if more hits are needed.

        Args:
            hits: how many there are so far.
            last: whether none follow.

        Raises:
            InputError: no stretch shows one; the reason is that of the first.
        """
        while self.wanted <= hits and self._tried < MOST_STRETCHES * LEARNING:
            found = self._at(self._tried, self.wanted, recognise)
            if found is not None:
                return found
            self._tried += LEARNING
        if last and self._tried < hits:
            # A few hits alone prove little where a whole stretch has shown nothing.
            found = self._at(max(hits - LEARNING, 0), hits, recognise)
            if found is not None:
                return found
        if self._reason is not None and (last or self._tried >= MOST_STRETCHES * LEARNING):
            raise self._reason
        return None

    def _at(self, first: int, stop: int, recognise: Recognise) -> Calorimeter | None:
        try:
            return recognise(first, stop)
        except InputError as error:
            self._reason = self._reason or error
            return None
