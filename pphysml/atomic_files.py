"""Files that appear whole: written under another name, moved into place when they are complete."""

from __future__ import annotations

import os
import shutil
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import OutputError
from .interruption import at_end, held_back

_unfinished: set[Path] = set()


class Unfinished:
    """A file or folder that is being written, under the name of this process alone: hidden, beside its place.

    It is removed however the process ends, unless that is killed.

    Attributes:
        path: its place.
        temporary: where it is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        _unfinished.add(self.temporary)
        # Ctrl-C may come before anything can see to the file.
        self.remove = weakref.finalize(self, _remove, self.temporary)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)
    _unfinished.discard(path)


def _remove_all() -> None:
    for path in list(_unfinished):
        _remove(path)


at_end(_remove_all)


def put(complete: Iterable[Unfinished]) -> None:
    """Move the outputs of a command into place, all together: signals wait, and come too late then."""
    with held_back(last=True):
        for one in complete:
            os.replace(one.temporary, one.path)


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # some network file systems cannot do it for a folder
            raise
    finally:
        os.close(handle)


@contextmanager
def replacement(path: Path, failure: str = "could not be written") -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends, and leaves no trace if it fails.

    Args:
        failure: what the error says of the file, before the reason.

    Raises:
        OutputError: it could not be written; an older one is left as it was.
    """
    new = Unfinished(path)
    try:
        with open(new.temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new.temporary, path)
    except OSError as error:
        raise OutputError(f"{path}: {failure}: {error.strerror or error}.") from None
    finally:
        new.remove()


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files, and move them into place when all are complete.

    Raises:
        OutputError: one could not be written; none appears then.
    """
    files = [Unfinished(path) for path in contents]
    path = next(iter(contents), Path())
    try:
        for file in files:
            path = file.path
            with open(file.temporary, "wb") as stream:
                stream.write(contents[path])
                stream.flush()
                os.fsync(stream.fileno())
        put(files)
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror}.") from None
    finally:
        for file in files:
            file.remove()


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder whose content the block writes; it takes the place of `path` when the block ends.

    Raises:
        OutputError: it could not be made; an older one is left as it was, and nothing else.
    """
    path = path.resolve()
    new = Unfinished(path)
    try:
        with written(path):
            new.temporary.mkdir()
        yield new.temporary
        with written(path), held_back(last=True):
            _put(new.temporary, path)
    finally:
        new.remove()


@contextmanager
def written(path: Path) -> Iterator[None]:
    """Report what the system refuses while something is written for `path`.

    Raises:
        OutputError: it was refused.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror or error}.") from None


def _put(folder: Path, path: Path) -> None:
    """Move a folder to `path`, and delete what was there."""
    if not path.exists():
        folder.rename(path)
        return
    older = folder.with_suffix(".old")
    path.rename(older)
    try:
        folder.rename(path)
    except BaseException:
        older.rename(path)
        raise
    shutil.rmtree(older, ignore_errors=True)
