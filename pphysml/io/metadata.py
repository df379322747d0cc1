"""What our files say of themselves: provenance, number of entries, and checksums of the content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .problems import Problem, ProblemError
from .ragged import Array, Column, Ragged
from .root_files import open_file

OBJECT = "pphysml"
"""Name of the TObjString that holds the metadata as JSON."""
FORMAT_VERSION = 1


class Checksum:
    """Running BLAKE2b hash of one branch: its type, all values, and all lengths.

    Values and lengths are hashed apart, so that it does not depend on how the entries were cut into
    chunks. Byte order is fixed to little-endian.
    """

    def __init__(self) -> None:
        self._values = hashlib.blake2b(digest_size=16)
        self._counts = hashlib.blake2b(digest_size=16)
        self._type = ""

    def update(self, column: Column) -> None:
        """Add the next entries."""
        values = column.flat if isinstance(column, Ragged) else column
        self._type = f"{'ragged ' if isinstance(column, Ragged) else ''}{values.dtype.name}{values.shape[1:]}"
        self._values.update(_bytes(values))
        if isinstance(column, Ragged):
            self._counts.update(_bytes(column.counts))

    def hexdigest(self) -> str:
        """Return the checksum of all entries so far."""
        joined = hashlib.blake2b(self._type.encode(), digest_size=16)
        joined.update(self._values.digest() + self._counts.digest())
        return joined.hexdigest()


def encode(metadata: Mapping[str, Any]) -> str:
    """Return metadata as JSON."""
    return json.dumps(metadata, ensure_ascii=False, default=str)


def metadata_of(file: Any, path: str) -> dict[str, Any] | None:
    """Return the metadata of an open file, or None if it is not one of ours.

    Raises:
        InputError: the metadata are damaged, or newer than this program understands.
    """
    if OBJECT not in file.keys(recursive=False, cycle=False):
        return None
    try:
        read = json.loads(str(file[OBJECT]))
    except Exception as error:  # whatever damaged bytes provoke in the decoder
        raise _problem(path, "its metadata are damaged") from error
    if not isinstance(read, dict) or "format_version" not in read:
        return None
    if not isinstance(read["format_version"], int) or read["format_version"] > FORMAT_VERSION:
        version = read.get("package_version", "a newer version")
        raise _problem(path, f"was written by pphysml {version} in a newer format; update pphysml to read it")
    return read


def read_metadata(path: str) -> dict[str, Any] | None:
    """Return the metadata of a file that this program wrote, or None for any other ROOT file.

    Raises:
        InputError: the file cannot be opened, or its metadata are damaged.
    """
    with open_file(str(path)) as file:
        return metadata_of(file, str(path))


def announced_entries(metadata: Mapping[str, Any] | None, tree: str) -> int | None:
    """Return the number of entries that the metadata give for a tree, if they do."""
    entries = written_trees(metadata).get(tree, {}).get("n_entries")
    return entries if isinstance(entries, int) else None


def written_trees(metadata: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Return tree -> its `n_entries` and `checksums` as they were written, the main tree first."""
    if metadata is None or not isinstance(metadata.get("tree"), str):
        return {}
    further = metadata.get("further_trees")
    return {metadata["tree"]: metadata, **(further if isinstance(further, dict) else {})}


def _bytes(values: Array) -> bytes:
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return little.tobytes()


def _problem(path: str, message: str) -> ProblemError:
    return ProblemError([Problem(path, None, None, None, message)])
