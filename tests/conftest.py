"""What all tests share: one thread per process, figures without a display, a program to call."""

from __future__ import annotations

import os

# Before anything imports numpy, torch or numba: the tests themselves run in parallel.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pphysml.compiled_cache import use_user_cache

use_user_cache()

# A shell that starts the tests in the background has them, and all they start, ignore Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class Outcome:
    """How a run of the program ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _random_numbers() -> None:
    """Begin every test with the same random numbers of torch, whatever ran before it in the same process."""
    import torch

    torch.manual_seed(1)


@pytest.fixture
def pphysml(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the program's `main` in this process: `pphysml("config", "lcag", "list")`."""
    from pphysml_cli.main import main

    def call(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capfd.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def program() -> Callable[..., Outcome]:
    """Run the program in a fresh process, without a terminal."""

    def call(*arguments: object, **environment: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "pphysml_cli.main", *map(str, arguments)],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **environment},
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return call
