"""What is left at the end of an input, where that may be more than fits into memory at once."""

from __future__ import annotations

from collections.abc import Iterator

from ....io.ragged import Columns


class Ending:
    """Hands out blocks one by one.

    Attributes:
        done: whether the last one was handed out.
    """

    def __init__(self) -> None:
        self.done = False
        self._blocks: Iterator[Columns] | None = None
        self._next: Columns | None = None

    def next(self, blocks: Iterator[Columns]) -> Columns:
        """Return the next block, {} if there is none; `blocks` counts when it is called first."""
        if self._blocks is None:
            self._blocks = blocks
            self._next = next(blocks, None)
        found, self._next = self._next or {}, next(self._blocks, None)
        self.done = self._next is None
        return found
