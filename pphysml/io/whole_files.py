"""Files of other kinds, complete when they appear."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ..errors import OutputError


def write_files(contents: Mapping[Path, bytes]) -> None:
    """Write files under temporary names, and move them into place when all are complete.

    Raises:
        OutputError: one could not be written.
    """
    temporary = {path: path.with_name(f".{path.name}.{os.getpid()}") for path in contents}
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
            rest.unlink(missing_ok=True)
