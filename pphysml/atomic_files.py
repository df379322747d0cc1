"""Files that appear whole: written under another name, moved into place when they are complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import ConfigError, OutputError
from .interruption import held_back
from .leftovers import mark, remove_left, removed_at_end

FURTHER = "further"
"""What the hidden folder of `further_files` is named for, in a folder that is there already."""


class Unfinished:
    """A file or folder that is being written, under the name of this process alone: hidden, beside its place.

    What killed processes have left for the same place is removed.

    Attributes:
        path: its place.
        temporary: where it is written.
        older: where an older one is, while it is replaced.
        remove: removes it, if it has not been moved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Of a process that was killed between its two moves, the older folder is all that there is.
        remove_left(path.parent, f".{path.name}.", r"\.(tmp|old)" if path.exists() else r"\.tmp")
        self.temporary, self.older = (_hidden(path, end) for end in ("tmp", "old"))
        # Ctrl-C may come before anything can see to the file.
        self.remove = removed_at_end(self, self.temporary)


def _hidden(path: Path, end: str) -> Path:
    return path.with_name(f".{path.name}.{mark()}.{end}")


def put(complete: Iterable[Unfinished]) -> None:
    """Move the outputs of a command into place, all together: signals wait, and come too late then."""
    with held_back(last=True):
        for one in complete:
            os.replace(one.temporary, one.path)


def to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        if not path.is_dir():  # which may be written and not read, or some network file systems cannot do it for
            raise


def check_target(path: Path, force: bool, kind: str = "file") -> None:
    """Refuse a file that cannot be written, before the work that it is for.

    Args:
        force: whether it may take the place of another one.
        kind: what it is, for the error.

    Raises:
        ConfigError: it exists already, or is no file.
        OutputError: its folder is missing, or may not be written.
    """
    with written(path):
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: is not a file; the output must be a {kind}.")
        if path.exists() and not force:
            raise ConfigError(f"{path}: exists already; give --force to overwrite it.")
        check_folder(path)
        _hidden(path, "tmp").exists()  # a name that is too long is refused here


def check_folder(path: Path, makes: bool = False) -> None:
    """Refuse a name in a folder that is missing or may not be written.

    Args:
        makes: whether missing folders are made; the one that they are made in is looked at then.

    Raises:
        OutputError: it is so.
    """
    folder = path.parent
    if makes:
        folder = next(above for above in path.absolute().parents if above.exists())
        if not folder.is_dir():
            raise OutputError(f"{path}: cannot be made: {str(folder)!r} is a file.")
    if not folder.is_dir():
        raise OutputError(f"{path}: there is no folder {str(folder)!r}; make it first.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: the folder {str(folder)!r} may not be written (permission denied).")


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
def new_folder(path: Path, force: bool = False, last: bool = True) -> Iterator[Path]:
    """Make a folder whose content the block writes; it takes the place of `path` when the block ends.

    Args:
        force: replace an older one that is not empty.
        last: whether the command is done then.

    Raises:
        OutputError: it could not be made; an older one is left as it was, and nothing else.
    """
    with _folder(path, path) as new:
        yield new.temporary
        with written(path), held_back(last):
            if force and new.path.exists():
                _exchange(new)
            else:
                new.temporary.rename(new.path)


def check_further_files(path: Path, force: bool) -> None:
    """Refuse a folder that `further_files` cannot fill, before the work that it is for.

    Args:
        force: whether it may hold other files.

    Raises:
        ConfigError: it is a file, or not empty.
        OutputError: it may not be written, or not be made.
    """
    with written(path):
        if not path.exists():
            check_folder(path, makes=True)
            return
        if not path.is_dir():
            raise ConfigError(f"{path}: is a file; --output must be a folder.")
        check_folder(path / FURTHER)
        remove_left(path, f".{FURTHER}.", r"\.tmp")
        if any(path.iterdir()) and not force:
            raise ConfigError(f"{path}: is not empty; give another --output or --force.")


@contextmanager
def further_files(path: Path) -> Iterator[Path]:
    """Make a folder whose content the block writes; when it ends, its files are moved into `path`, which may hold others.

    Raises:
        OutputError: it could not be made.
    """
    # What is there may be a file system of its own, beside which nothing can be written.
    with _folder(path, path / FURTHER if path.is_dir() else path) as new:
        yield new.temporary
        with written(path), held_back(last=True):
            if not path.exists():
                new.temporary.rename(path)
                return
            for file in [file for file in new.temporary.rglob("*") if not file.is_dir()]:
                place = path / file.relative_to(new.temporary)
                place.parent.mkdir(parents=True, exist_ok=True)
                os.replace(file, place)


@contextmanager
def _folder(path: Path, place: Path) -> Iterator[Unfinished]:
    """Make an unfinished folder beside a place, for what errors call `path`."""
    new = Unfinished(place.resolve())
    try:
        with written(path):
            new.temporary.mkdir(parents=True)
        yield new
    except OutputError as error:  # of a file in it
        raise OutputError(str(error).replace(str(new.temporary), str(path))) from None
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


def _exchange(new: Unfinished) -> None:
    """Move a folder to its place, and delete what was there."""
    new.path.rename(new.older)
    try:
        new.temporary.rename(new.path)
    except BaseException:
        new.older.rename(new.path)
        raise
    shutil.rmtree(new.older, ignore_errors=True)
