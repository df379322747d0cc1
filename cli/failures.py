"""From an exception to a sentence and an exit code."""

from __future__ import annotations

import errno
from dataclasses import dataclass

import click

from pphysml.errors import PphysmlError

BUG, USAGE, OUTPUT, INTERRUPTED, BROKEN_PIPE = 1, 2, 5, 130, 141
_OUTPUT_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}
_SYSTEM_ERRORS = {
    errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EIO, errno.ENXIO,
    errno.ENODEV, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.EBUSY, errno.ENOTEMPTY, errno.ETIMEDOUT, errno.EBADF,
}
"""What a system answers of a file by itself; that there is none (ENOENT) is found out before, or a bug."""


LOST = ("DistBackendError", "DistNetworkError", "DistStoreError")
"""Errors of torch when another process is gone; that of gloo is a RuntimeError."""


@dataclass(frozen=True)
class Failure:
    """How a run ended.

    Attributes:
        message: what is shown; empty when there is nothing to say.
        unexpected: whether a traceback helps, so that `--debug` shows it.
        common: whether all processes of a training end so, of which one says it.
    """

    code: int
    message: str = ""
    unexpected: bool = True
    common: bool = False


def explain(error: BaseException) -> Failure:
    """Return exit code and message of any exception that ends the program."""
    if isinstance(error, PphysmlError):
        return Failure(error.exit_code, _prefixed(str(error)), common=True)
    if isinstance(error, click.exceptions.Exit):
        return Failure(error.exit_code, unexpected=False)
    if isinstance(error, SystemExit):
        return Failure(error.code if isinstance(error.code, int) else BUG, unexpected=False)
    if isinstance(error, click.UsageError):
        return Failure(USAGE, _usage(error), unexpected=False)
    if isinstance(error, click.ClickException):
        return Failure(error.exit_code, _prefixed(error.format_message()))
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return Failure(INTERRUPTED, "pphysml: interrupted.", unexpected=False, common=True)
    return _unexpected(error)


def _unexpected(error: BaseException) -> Failure:
    if isinstance(error, BrokenPipeError):
        return Failure(BROKEN_PIPE, unexpected=False)
    if isinstance(error, OSError) and error.errno in _OUTPUT_ERRORS:
        where = f"{error.filename}: " if error.filename else ""
        return Failure(OUTPUT, _prefixed(f"{where}could not be written: {error.strerror}."))
    if isinstance(error, OSError) and error.errno in _SYSTEM_ERRORS:
        where = f"{error.filename}: " if error.filename else ""
        return Failure(OUTPUT, _prefixed(f"{where}the system refuses it: {error.strerror}."))
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return Failure(OUTPUT, _prefixed(
            "not enough memory; a smaller batch needs less (--set training.batch_size=..., "
            "--set apply.batch_size=...)."
        ))
    text = " ".join(str(error).split())
    if type(error).__name__ in LOST or (isinstance(error, RuntimeError) and "gloo" in text):
        return Failure(BUG, _prefixed("another process of this training has ended; what it said stands above."), common=True)
    return Failure(BUG, _prefixed(
        f"{type(error).__name__}: {text} (this is a bug; --debug shows the traceback)"
    ))


def _usage(error: click.UsageError) -> str:
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error.format_message()
    hint = f" See '{error.ctx.command_path} --help'." if error.ctx else ""
    return _prefixed(error.format_message() + hint)


def _prefixed(message: str) -> str:
    return "\n".join(f"pphysml: error: {line}" for line in message.split("\n"))
