"""What the decoder raises over bytes that others wrote, as errors that name file, tree and branch."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import PphysmlError
from .problems import Problem, ProblemError
from .sources import is_remote

CUT_SHORT = "is cut short; copy it again or make it anew"
UNREADABLE = "is not a readable ROOT or HDF5 file"
UNKNOWN = "unknown"


@contextmanager
def reading(path: str, tree: str | None = None, branch: str | None = None) -> Iterator[None]:
    """Report whatever is raised while foreign bytes are decoded inside.

    uproot raises what its parts do: IndexError, KeyError, struct.error, AssertionError, RecursionError, those of the
    decompressors, AttributeError where a class has another version than it knows.

    Raises:
        InputError: something was raised; our own errors pass.
    """
    try:
        yield
    except PphysmlError:
        raise
    except Exception as error:
        raise problem(path, tree, branch, explain(error, path, UNREADABLE if tree is None else "cannot be read")) from error


def known(read: Callable[[], str]) -> str:
    """Return a description of foreign bytes, or "unknown" where none can be had."""
    try:
        return read()
    except Exception:  # as above; who only describes goes on
        return UNKNOWN


def explain(error: Exception, path: str, otherwise: str = UNREADABLE) -> str:
    """Say in a few words why opening or reading a file failed; `otherwise` where no system refused it, with the decoder's reason."""
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder, not a ROOT file"
    if isinstance(error, PermissionError):
        return "may not be read (permission denied)"
    if isinstance(error, OSError) and error.errno is None and not is_remote(path):
        # Not the operating system says so, but uproot, which looked behind the end of the file.
        return CUT_SHORT if _begins_like_root(path) else UNREADABLE
    if is_remote(path) or isinstance(error, OSError):
        return f"cannot be read: {first_line(error)}"
    return otherwise if otherwise == UNREADABLE else f"{otherwise} ({first_line(error)})"


def refuse_what_is_no_file(path: str) -> None:
    """Refuse pipes, devices and folders, which a ROOT file cannot be read from: it is read from any place of it.

    Raises:
        InputError: it is none of the files that there are.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return  # opening says why
    if stat.S_ISDIR(mode):
        raise problem(path, None, None, "is a folder, not a ROOT file")
    if not stat.S_ISREG(mode):
        raise problem(path, None, None, "is a pipe or a device, not a file; ROOT files are read from any place, so write it to a file first")


def problem(path: str, tree: str | None, branch: str | None, message: str) -> ProblemError:
    """Return an error at a place of a file."""
    return ProblemError([Problem(path, tree, branch, None, message)])


def first_line(error: Exception) -> str:
    """Return the first line of an error's text; of errors whose text is a bare name or nothing, the kind as well."""
    lines = str(error).strip().splitlines()
    text = lines[0].rstrip(".") if lines else ""
    if text and not isinstance(error, (LookupError, AttributeError, AssertionError)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _begins_like_root(path: str) -> bool:
    """Whether a file is empty or starts as ROOT files do, so that only its end may be missing."""
    with open(path, "rb") as stream:
        return stream.read(4) in (b"root", b"")
