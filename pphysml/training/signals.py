"""Signals set a flag; the loop looks at it between steps."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any

from ..interruption import heeded


class StopFlag:
    """While active, the signals that would end the program ask the loop to save and stop.

    A second SIGINT ends the program at once, as users expect of Ctrl-C pressed twice.

    Attributes:
        received: number of the signal received, 0 for none.
    """

    def __init__(self) -> None:
        self.received = 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopFlag:
        for number in heeded():
            self._previous[number] = signal.signal(number, self._set)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _set(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and self.received == signal.SIGINT:
            raise KeyboardInterrupt
        self.received = number
