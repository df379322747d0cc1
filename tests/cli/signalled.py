"""Runs the program, which sends itself a signal at a chosen moment; the moments are functions below.

What a signal finds does not depend then on how fast a machine is.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any


def run(number: int, moment: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Return how the program ended."""
    return subprocess.run([sys.executable, __file__, *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env={**os.environ, "SIGNALLED": f"{int(number)} {moment}"})


def importing(send: Callable[[], None]) -> None:
    """As torch is imported, in a place where an exception would be lost."""
    class Finder:
        def find_spec(self, name: str, *others: object) -> None:
            if name == "torch":
                try:
                    send()
                except BaseException:
                    print("lost", file=sys.stderr)

    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]


def chunk(send: Callable[[], None]) -> None:
    """After the first chunk has been written."""
    from pphysml.io.writer import Writer

    _after(Writer, "extend", send)


def file_written(send: Callable[[], None]) -> None:
    """After the first file has been written to the disk."""
    _after(os, "fsync", send)


def checkpointing(send: Callable[[], None]) -> None:
    """As the first checkpoint of a training has been handed to the disk, and its folder is not there yet."""
    import torch

    _after(torch, "save", send)


def loaded(send: Callable[[], None]) -> None:
    """After the checkpoint of a training that is resumed has been read."""
    from pphysml.training import start

    _after(start, "load_state", send)


def first_step(send: Callable[[], None]) -> None:
    """Before the first step of a training."""
    from pphysml.training.loop import Loop

    run = Loop.run
    Loop.run = lambda *values: (send(), run(*values))[1]  # type: ignore[assignment, func-returns-value, method-assign]


def tenth_step(send: Callable[[], None]) -> None:
    """After the tenth step of a training; without its report."""
    from pphysml.training.loop import Loop

    _after(Loop, "step", send, times=10)


def moving(send: Callable[[], None]) -> None:
    """Between the moves of two outputs into place, and after the last one."""
    _after(os, "replace", send)


def printing(send: Callable[[], None]) -> None:
    """When the outputs are in place, and the summary is going to be printed."""
    from pphysml_cli import output

    finish = output.finish
    output.finish = lambda *values: (send(), finish(*values))[1]  # type: ignore[func-returns-value]


def ending(send: Callable[[], None]) -> None:
    """While the interpreter shuts down, as the modules' variables are deleted."""
    class Last:
        def __del__(self, send: Callable[[], None] = send) -> None:
            send()

    global last
    last = Last()


def _after(owner: Any, name: str, send: Callable[[], None], times: int = 1) -> None:
    """Send the signal after a function was called so many times, and after each further call."""
    function, left = getattr(owner, name), iter(range(times - 1))

    def followed(*values: Any, **named: Any) -> Any:
        result = function(*values, **named)
        if next(left, None) is None:
            send()
        return result

    setattr(owner, name, followed)


if __name__ == "__main__":
    from pphysml_cli.entry import entry

    number, moment = os.environ["SIGNALLED"].split()
    # The tests may run where a signal is ignored, behind nohup for example.
    if int(number) != signal.SIGKILL:
        signal.signal(int(number), signal.default_int_handler if int(number) == signal.SIGINT else signal.SIG_DFL)
    process, kill = os.getpid(), os.kill
    if "LOCAL_RANK" not in os.environ:  # a scheduler signals one of several processes
        # Bound here, since the variables of the module may go before the last object does.
        globals()[moment](lambda number=int(number), process=process, kill=kill: kill(process, number))
    entry()
