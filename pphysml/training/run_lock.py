"""One training at a time writes into a run folder."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..atomic_files import written
from ..errors import ConfigError

HELD = (errno.EACCES, errno.EAGAIN)
"""What the system says of a lock that another process holds."""


@contextmanager
def locked(run: Path, file: Path) -> Iterator[bool]:
    """Hold the lock of a run folder inside a block; the folder may be moved meanwhile.

    It is a record lock of POSIX: it holds between the machines of a cluster where the file system supports such
    locks, and ends with its process, however that ends.

    Args:
        run: what the folder is called.
        file: of the lock, in the folder.

    Returns:
        Whether the file system supports locks; without, nothing keeps two trainings apart.

    Raises:
        ConfigError: another training holds it.
        OutputError: nothing can be written in the folder.
    """
    with written(file):
        stream = open(file, "a+")  # noqa: SIM115 (open as long as the lock is held)
    with stream:
        yield _taken(run, stream.fileno())


def _taken(run: Path, descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in HELD:
            return False
        holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
        raise ConfigError(f"{run}: is being trained{f' by {holder}' if holder else ''}; wait for its end, or stop it.") from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {os.uname().nodename}\n".encode())
    return True
