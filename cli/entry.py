"""The program's process, from its first line to its last."""

from __future__ import annotations

import gc
import os
import sys

from pphysml.interruption import end_on_signals, end_with_parent, ignore_signals, is_helper

START_OBJECTS = 300_000
"""New objects after which those that only hold each other are first looked for: imports make about as many, all in use."""

MANY_OBJECTS = 5000
"""And from then on."""


def entry() -> None:
    """Run as a program: signals end it in order, what cannot be encoded is replaced, and shells can ask for completions."""
    gc.set_threshold(START_OBJECTS)
    gc.callbacks.append(_as_from_now_on)
    end_on_signals()
    if is_helper():
        end_with_parent()
    from .main import main, pphysml

    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if "_PPHYSML_COMPLETE" in os.environ:
        pphysml.main(prog_name="pphysml")
    code = main()
    ignore_signals()
    # Else they are looked for in all modules once more, one after the other as these go: a third of a second.
    gc.freeze()
    sys.exit(code)


def _as_from_now_on(phase: str, info: dict[str, int]) -> None:
    """Look more often once the start is over."""
    gc.callbacks.remove(_as_from_now_on)
    gc.set_threshold(MANY_OBJECTS)


def _open_closed_streams() -> None:
    """Put the null device in place of streams that a shell has closed (`>&-`), whose numbers the next files would take else."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 (open as long as the program runs)
