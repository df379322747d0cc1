"""Open an input file of the kind that its first bytes show."""

from __future__ import annotations

from .foreign import refuse_what_is_no_file
from .hdf5_files import SIGNATURE, Hdf5File
from .root_files import RootFile
from .sources import is_remote
from .trees import InputFile


def open_file(path: str) -> InputFile:
    """Return the open file.

    Raises:
        InputError: there is none, it may not be read, is of no kind that is read, or is cut short.
        ConfigError: it needs a package that is not installed.
    """
    if is_remote(path):
        return RootFile.open(path)
    refuse_what_is_no_file(path)
    return Hdf5File.open(path) if _begins_with(path, SIGNATURE) else RootFile.open(path)


def _begins_with(path: str, signature: bytes) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(len(signature)) == signature
    except (OSError, ValueError):
        return False  # opening it as a ROOT file says why
