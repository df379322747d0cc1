"""How the library reports progress without knowing the terminal."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol


class Progress(Protocol):
    """A display of work done; the command line passes its own."""

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Begin a stage; `total` is None when unknown."""

    def advance(self, n: int, **values: float | str) -> None:
        """Report `n` more units, and values worth showing beside them."""

    def log(self, message: str) -> None:
        """Show one line that stays."""

    def __enter__(self) -> Progress: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Silent:
    """Shows nothing; the default."""

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Ignore a stage's begin."""

    def advance(self, n: int, **values: float | str) -> None:
        """Ignore progress."""

    def log(self, message: str) -> None:
        """Ignore a line."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the display."""


class Counting(Silent):
    """Counts on another display, and keeps lines from it, which come again."""

    def __init__(self, shown: Progress) -> None:
        self.shown = shown

    def advance(self, n: int, **values: float | str) -> None:
        """Report them there."""
        self.shown.advance(n, **values)
