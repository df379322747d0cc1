"""Files that appear whole: written under another name, moved into place when they are complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import OutputError


def temporary_name(path: Path) -> Path:
    """Return the name under which a file is written: hidden, beside it, and of this process alone."""
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


@contextmanager
def replacement(path: Path, failure: str = "could not be written") -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` when the block ends, and leaves no trace if it fails.

    Args:
        failure: what the error says of the file, before the reason.

    Raises:
        OutputError: it could not be written; an older one is left as it was.
    """
    temporary = temporary_name(path)
    try:
        with open(temporary, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(f"{path}: {failure}: {error.strerror or error}.") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files, and move them into place when all are complete.

    Raises:
        OutputError: one could not be written; none appears then.
    """
    temporary = {path: temporary_name(path) for path in contents}
    path = next(iter(contents), Path())
    try:
        for path, content in contents.items():
            with open(temporary[path], "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for path in contents:
            os.replace(temporary[path], path)
    except OSError as error:
        raise OutputError(f"{path}: could not be written: {error.strerror}.") from None
    finally:
        for rest in temporary.values():
            with suppress(OSError):
                rest.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Make a folder whose content the block writes; it takes the place of `path` when the block ends.

    Raises:
        OutputError: it could not be made; an older one is left as it was, and nothing else.
    """
    path = path.resolve()
    temporary = temporary_name(path)
    try:
        with written(path):
            temporary.mkdir()
        yield temporary
        with written(path):
            _put(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


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
