"""The program `pphysml`: its group of commands, and how it ends."""

from __future__ import annotations

import contextlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import TextIO

import click

from pphysml.compiled_cache import use_user_cache
from pphysml.interruption import is_helper
from pphysml.numba_start import start_without_linear_algebra
from pphysml.printable import printable, printable_lines

from .entry import entry
from .failures import BROKEN_PIPE, Failure, explain
from .lazy import LazyGroup
from .loading import noticing
from .options import Session, debug_option
from .output import say, wrapped

VERBS = {
    "simulate": "Write simulated ROOT data of a task.",
    "inspect": "Show what is in ROOT files and which tasks can read them.",
    "validate": "List every problem of input files, one line each.",
    "import": "Write data of other programs as ROOT files.",
    "train": "Train a task's network.",
    "evaluate": "Metrics with uncertainties, plots and a report.",
    "config": "Show a task's options, presets or complete configuration.",
    "export": "Convert trained weights, or data, for use in other programs.",
    "info": "Versions, devices, tasks and shipped models.",
}


@click.group(
    cls=LazyGroup,
    verbs=VERBS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="pphysml", message="%(prog)s %(version)s")
@debug_option
def pphysml() -> None:
    """Particle-physics ROOT files in, ROOT files with reconstructed physics out.

    \b
    Example:
      pphysml simulate lcag -n 2000 -o events.root
      pphysml lcag --input events.root -o trees.root

    \b
    Exit codes: 0 done; 1 a bug of ours; 2 usage, configuration or a missing extra; 3 input data;
    4 model file; 5 output not written; 75 stopped by the scheduler, can be resumed;
    130 interrupted. Another signal ends it with 128 and its number, as SIGTERM with 143. Then no
    unfinished output is left; when the output is complete, a signal comes too late.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program and return its exit code; errors become one line on stderr."""
    session = Session()
    warnings.showwarning = _show_warning
    use_user_cache()
    start_without_linear_algebra()
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments), session)
        sys.stdout.flush()
        return code
    except BaseException as error:
        failure = explain(error)
        if not (failure.common and is_helper()):
            with contextlib.suppress(OSError):  # whoever reads stderr may have gone, too
                _report(failure, session.debug)
        return failure.code


def _run(arguments: list[str], session: Session) -> int:
    with noticing(lambda: session.quiet), pphysml.make_context("pphysml", arguments, obj=session) as context:
        code = pphysml.invoke(context)
    return code if isinstance(code, int) else 0


def _report(failure: Failure, debug: bool) -> None:
    if failure.code == BROKEN_PIPE:
        # The reader of our output has gone; point stdout elsewhere, or its closing fails again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if debug and failure.unexpected:
        print("\n".join(map(printable, traceback.format_exc().split("\n"))), file=sys.stderr)
    for line in printable_lines(failure.message) if failure.message else []:
        print(wrapped(line) if sys.stderr.isatty() else line, file=sys.stderr)


def _show_warning(
    message: Warning | str, category: type[Warning], filename: str, lineno: int,
    file: TextIO | None = None, line: str | None = None,
) -> None:
    if not issubclass(category, (DeprecationWarning, FutureWarning)):
        say(f"pphysml: warning: {' '.join(str(message).split())}")


if __name__ == "__main__":
    entry()
