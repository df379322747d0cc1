"""Files of one process: removed when it ends, and if it was killed, by the next one that writes at their place."""

from __future__ import annotations

import os
import re
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from .interruption import at_end

LARGEST_PRIME = 2**32 - 5

_own: set[Path] = set()


def mark() -> str:
    """Return what marks names of this process: its machine, and its number there.

    On a shared file system, a process of another machine may have the same number, and in a container, too.
    """
    return f"{_machine()}.{os.getpid()}"


def removed_at_end(owner: object, path: Path) -> weakref.finalize[Any, Any]:
    """Have a file or folder of this process removed with its owner, or when the process ends.

    Returns:
        A function that removes it now.
    """
    _own.add(path)
    return weakref.finalize(owner, _remove, path)


def remove_left(folder: Path, before: str, after: str) -> None:
    """Remove files and folders whose names a mark stands in, if no process has it any more.

    Args:
        before: what stands in front of the mark.
        after: what stands behind it, as a regular expression.
    """
    ours = re.compile(rf"{re.escape(before)}{_machine()}\.(\d{{1,9}}){after}")
    with suppress(OSError):
        names = [(found, path.path) for path in os.scandir(folder) if (found := ours.fullmatch(path.name))]
        for found, path in names:
            if Path(path) not in _own and not _lives(int(found[1])):
                _remove(Path(path))


def _machine() -> str:
    name = os.uname().nodename
    with suppress(OSError):
        name += os.readlink("/proc/self/ns/pid")
    return f"{int.from_bytes(name.encode()) % LARGEST_PRIME:08x}"  # no package for hashes: help is quick


def _lives(process: int) -> bool:
    """Return whether there is another process of this number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()


def _remove(path: Path) -> None:
    import shutil

    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    _own.discard(path)


def _remove_all() -> None:
    for path in list(_own):
        _remove(path)


at_end(_remove_all)
