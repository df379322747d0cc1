"""Whether an input file is the one that it was: size, entries, and a hash of samples of its content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any

from .reader import Reader
from .sources import is_remote

SAMPLES, SAMPLE = 16, 2**16
"""Pieces of a file that are hashed, and bytes of each; smaller files are hashed whole."""


def identities(reader: Reader) -> list[dict[str, Any]]:
    """Return what identifies each file of a reader, in order; nothing but the name where no entry of it is read.

    Raises:
        OSError: a file cannot be read any more.
    """
    entries = [0] * len(reader.sources)
    for block in reader.blocks:
        entries[block.file_index] += block.stop - block.start
    return [{"path": source.path, "tree": source.tree, "entries": n, **(_content(source.path) if n else {})}
            for source, n in zip(reader.sources, entries, strict=True)]


def difference(kept: Sequence[Mapping[str, Any]], found: Sequence[Mapping[str, Any]]) -> str:
    """Return how files differ from those that were there, as a sentence without its stop; empty if they do not."""
    if len(kept) != len(found):
        return f"there were {len(kept)} files, and now {len(found)}"
    for before, now in zip(kept, found, strict=True):
        for name in ("entries", "bytes"):
            if before.get(name) != now.get(name):
                return f"{now['path']}: had {before.get(name)} {name}, and now has {now.get(name)} {name}"
        if before.get("sha256") != now.get("sha256"):
            return f"{now['path']}: its content has changed"
    return ""


def _content(path: str) -> dict[str, Any]:
    """Return size and hash; of a remote file nothing, since each piece of it would have to be asked for."""
    if is_remote(path):
        return {}
    size, sha256 = os.path.getsize(path), hashlib.sha256()
    step = max(SAMPLE, -(-(size - SAMPLE) // (SAMPLES - 1)))  # the last piece ends where the file does
    with open(path, "rb") as stream:
        for start in range(0, size, step):
            stream.seek(start)
            sha256.update(stream.read(SAMPLE))
    return {"bytes": size, "sha256": sha256.hexdigest()}
