"""Progress on stderr: a bar in a terminal, else a plain line every few seconds."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from pphysml.printable import printable_lines
from pphysml.progress import Progress, Silent

from .output import say

if TYPE_CHECKING:
    from rich.progress import TaskID

SECONDS_BETWEEN_LINES = 5.0


def make_progress(quiet: bool) -> Progress:
    """Return the display that fits stderr; `quiet` shows nothing but lines that matter."""
    if quiet:
        return Quiet()
    return Bar() if sys.stderr.isatty() else Lines()


class Quiet(Silent):
    """Shows messages, no progress."""

    def log(self, message: str) -> None:
        """Show one line."""
        say(message)


class Lines:
    """A line at most every few seconds, and one at the end of each stage; for log files.

    Args:
        stream: where lines go; stderr by default.
        clock: seconds, for the rate and for the distance between lines.
    """

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream = stream
        self.clock = clock
        self.label, self.unit = "", ""
        self.total: int | None = None
        self.done = 0
        self.values: Mapping[str, float | str] = {}
        self.began = self.shown = 0.0
        self.pending = False

    def start(self, label: str, total: int | None, unit: str) -> None:
        """End the stage before, and begin one."""
        self._finish()
        self.label, self.total, self.unit = label, total, unit
        self.done, self.values = 0, {}
        self.began = self.shown = self.clock()

    def advance(self, n: int, **values: float | str) -> None:
        """Count, and show a line if the last one is old enough."""
        known, self.values = self.values, {**self.values, **values}
        self.done += n
        # What is on the last line already is not said again.
        self.pending = self.pending or n > 0 or self.values != known
        if self.pending and self.clock() - self.shown >= SECONDS_BETWEEN_LINES:
            self._show()

    def log(self, message: str) -> None:
        """Show one line."""
        say(message, self.stream)

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Show where the last stage ended."""
        self._finish()

    def _finish(self) -> None:
        if self.pending:
            self._show()

    def _show(self) -> None:
        self.shown, self.pending = self.clock(), False
        rate = self.done / max(self.shown - self.began, 1e-9)
        of = f" of {self.total} {self.unit} ({self.done / self.total:.0%})" if self.total else f" {self.unit}"
        shown = "".join(f", {text}" for text in format_values(self.values))
        self.log(f"{self.label}: {self.done}{of}, {plain_number(rate)} {self.unit}/s{shown}")


class Bar:
    """A bar that is drawn in place, in a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self.display = RichProgress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(show_speed=True),
            TimeRemainingColumn(), TextColumn("{task.fields[values]}"), console=Console(stderr=True),
        )
        self.stage: TaskID | None = None

    def start(self, label: str, total: int | None, unit: str) -> None:
        """Begin a new bar; the one before stays."""
        self.stage = self.display.add_task(f"{label} [{unit}]".replace("[", r"\["), total=total, values="")

    def advance(self, n: int, **values: float | str) -> None:
        """Move the bar."""
        if self.stage is None:
            return
        if values:
            self.display.update(self.stage, values="  ".join(format_values(values)))
        self.display.advance(self.stage, n)

    def log(self, message: str) -> None:
        """Show one line above the bar."""
        self.display.console.print("\n".join(printable_lines(message)), markup=False, highlight=False)

    def __enter__(self) -> Bar:
        self.display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the bars as they are."""
        self.display.stop()


def plain_number(value: float) -> str:
    """Return a number of three digits that count, without a power of ten: 0.0123, 45.2, 4,060, 1,230,000."""
    if abs(value) < 100:
        return f"{value:.3g}"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.0f}"


def format_values(values: Mapping[str, float | str]) -> list[str]:
    """Return `name=value` with four digits."""
    return [f"{k}={v}" if isinstance(v, str) else f"{k}={v:.4g}" for k, v in values.items()]
