"""Signals that end the program: what they do, when they have to wait, and when they come too late."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGXCPU)
"""Of users, of schedulers that end a job, of a terminal that is closed, of a limit on CPU time."""

PR_SET_PDEATHSIG = 1
"""Of prctl(2)."""

STOPPED = 75
"""Exit code of what was stopped and can be resumed."""

SHOW_CURSOR = b"\n\x1b[?25h"
"""A bar of progress hides the cursor of a terminal."""


class _Program:
    """What a signal finds.

    Attributes:
        complete: whether the outputs are in place.
        resumable: how the user can go on with what was begun; empty if that is not possible.
        removals: functions that remove what is unfinished.
    """

    def __init__(self) -> None:
        self.complete = False
        self.resumable = ""
        self.removals: list[Callable[[], None]] = []


_program = _Program()


def is_helper() -> bool:
    """Return whether this is a further process of a training; the first one speaks for all."""
    return os.environ.get("LOCAL_RANK", "0") != "0"


def end_with_parent() -> None:
    """Have the system end this process with the one that started it, also if that is killed, where it can (Linux)."""
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def at_end(remove: Callable[[], None]) -> None:
    """Have a function called when a signal ends the program."""
    _program.removals.append(remove)


def end_on_signals() -> None:
    """Have signals end this program in order: nothing unfinished is left, one sentence, and 128 + its number, or 75.

    The program ends where it is, since an exception may be lost: in a destructor, or in a library's import.
    """
    _program.complete = False
    for number in heeded():
        signal.signal(number, _end)


def ignore_signals() -> None:
    """Let signals come too late, also while the interpreter shuts down."""
    for number in heeded():
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def held_back(last: bool = False) -> Iterator[None]:
    """Let signals act after a block, as they would have at its begin.

    Args:
        last: whether the block moves the outputs into place. Then a signal does not end the program any more.
    """
    held: list[int] = []
    previous = {}
    if threading.current_thread() is threading.main_thread():  # of others, Python lets none receive signals
        previous = {number: signal.signal(number, lambda received, frame: held.append(received)) for number in heeded()}
    try:
        yield
        _program.complete |= last
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for received in held[:1]:
            signal.raise_signal(received)


@contextmanager
def resumable(how: str) -> Iterator[None]:
    """Have signals end the program with the exit code of what can be resumed, inside a block.

    Args:
        how: what to say of it.
    """
    _program.resumable = how
    try:
        yield
    finally:
        _program.resumable = ""


def heeded() -> list[signal.Signals]:
    """Return the signals that are not ignored; nohup, and shells that start a job in the background, have it ignore some."""
    return [number for number in ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]


def _end(number: int, frame: FrameType | None) -> None:
    if _program.complete:
        return
    for remove in _program.removals:
        with suppress(Exception):
            remove()
    said = "interrupted" if number == signal.SIGINT else f"ended by {signal.Signals(number).name}"
    if _program.resumable:
        said += f"; {_program.resumable}"
    with suppress(OSError):  # the terminal may be gone
        if not is_helper():
            os.write(2, (SHOW_CURSOR if os.isatty(2) else b"") + f"pphysml: {said}.\n".encode())
    os._exit(STOPPED if _program.resumable and number != signal.SIGINT else 128 + number)
