"""What our files say of themselves: provenance, number of entries, and checksums of the content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from xxhash import xxh3_128_hexdigest

from .content import AGAIN, Content, Written
from .files import open_file
from .foreign import problem
from .problems import ProblemError
from .trees import InputFile, Stored

OBJECT = "pphysml"
"""Name of the TObjString that holds the metadata as JSON; merging files keeps that of each, as cycles of this name."""
TITLE = "written by pphysml"
"""Of our trees, so that one is known as ours where its metadata are lost; not of those in the first format."""
FORMAT_VERSION = 2

OURS = {"format_version", "package_version", "n_entries", "checksums"}
"""Keys by which metadata are known as ours, even if some of them are damaged."""
SEAL = ', "metadata_checksum": "'


class NotOurs(Exception):
    """An object of the name of ours that somebody else has written."""


def encode(metadata: Mapping[str, Any]) -> str:
    """Return metadata as JSON that ends with the checksum (XXH3, 128 bits) of what is before."""
    body = json.dumps(metadata, ensure_ascii=False, default=str)[:-1]
    return f'{body}{SEAL}{_seal(body)}"}}'


def metadata_of(file: InputFile) -> dict[str, Any] | None:
    """Return the metadata of an open file, the last ones of a merged file, or None if it is not one of ours.

    Raises:
        InputError: the metadata are damaged or lost, or newer than this program understands.
    """
    every = all_metadata(file)
    return every[-1] if every else None


def all_metadata(file: InputFile) -> list[dict[str, Any]]:
    """Return the metadata of each of the files that an open file was merged from, or its own; none if it is not ours.

    Raises:
        InputError: as for `metadata_of`.
    """
    found = []
    try:
        for stored in file.stored(OBJECT):
            found.append(_decoded(stored, file.path))
    except NotOurs:
        pass
    if not found and TITLE in file.titles():
        message = (f"a tree is of pphysml, but its metadata, the object {OBJECT!r}, are not there: {AGAIN}; "
                   "if the tree was copied with ROOT on purpose, give it another title there")
        raise problem(file.path, None, None, message)
    return found


def read_metadata(path: str) -> dict[str, Any] | None:
    """Return the metadata of a file that this program wrote, or None for any other ROOT file.

    Raises:
        InputError: the file cannot be opened, or its metadata are damaged.
    """
    with open_file(str(path)) as file:
        return metadata_of(file)


def written_trees(every: list[dict[str, Any]], path: str) -> dict[str, list[Written]]:
    """Return tree -> what each of the writings has put into it, the main tree first; those that did not write it give nothing.

    Raises:
        InputError: the metadata are damaged.
    """
    found: dict[str, list[Written]] = {}
    for metadata in every:
        try:
            for tree, written in _written(metadata).items():
                found.setdefault(tree, []).append(written)
        except ValueError as error:
            raise damaged(path) from error
    return found


def content_of(writings: list[Written], entries: int) -> tuple[Content, str | None, str | None]:
    """Return what was written into a tree that has `entries`, what is wrong with their number, and what is to be known of them.

    The first is an error, the second a warning; a tree that grew behind our back cannot be compared. Merging many files
    in turns, `hadd` copies the metadata of the earlier ones again and again.
    """
    once = list({written.content_key: written for written in writings}.values())
    for parts in (writings, once):
        if len(parts) > 1 and sum(part.entries for part in parts) == entries:
            listed = " + ".join(str(part.entries) for part in parts[:5]) + (" + ..." if len(parts) > 5 else "")
            return Content(parts), None, (f"is {len(parts)} files of pphysml merged into one ({listed} entries); "
                                          "each part is compared with what was written")
    last = writings[-1]
    if last.entries == entries:
        return Content([last]), None, None
    if max(written.entries for written in writings) > entries:
        return Content([last]), f"has {entries} entries, but was written with {last.entries}; copy it again", None
    return Content([]), None, (f"has {entries} entries, which are not those that pphysml has written ({sum(written.entries for written in once)}): "
                               "it was merged with others, and cannot be compared with what was written")


def damaged(path: str) -> ProblemError:
    """Return the error for metadata that make no sense."""
    return problem(path, None, None, f"its metadata are damaged; {AGAIN}")


def _decoded(stored: Stored, path: str) -> dict[str, Any]:
    """Return the metadata that an object holds.

    Raises:
        NotOurs: somebody else has written them.
        InputError: they are damaged, or newer.
    """
    if stored.kind != "TObjString":
        raise NotOurs
    try:
        text = stored.text()
    except Exception as error:  # whatever damaged bytes provoke in the decoder
        raise damaged(path) from error
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        if text and text.isprintable() and not text.startswith("{") and not any(key in text for key in OURS):
            raise NotOurs from None
        raise damaged(path) from error
    if not isinstance(read, dict) or not OURS & set(read):
        raise NotOurs
    _check_version(read, text, path)
    return read


def _check_version(read: dict[str, Any], text: str, path: str) -> None:
    version = read.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise damaged(path)
    if version > FORMAT_VERSION:
        newer = read.get("package_version", "a newer version")
        raise problem(path, None, None, f"was written by pphysml {newer} in a newer format; update pphysml to read it")
    body, seal, rest = text.rpartition(SEAL)
    if version > 1 and (not seal or rest != f'{_seal(body)}"}}'):
        raise damaged(path)


def _written(metadata: Mapping[str, Any]) -> dict[str, Written]:
    tree, further = metadata.get("tree"), metadata.get("further_trees", {})
    if not isinstance(tree, str) or not isinstance(further, dict):
        raise ValueError("tree")
    read = Written.of if metadata["format_version"] > 1 else Written.of_first_format
    return {name: read(facts) for name, facts in {tree: metadata, **further}.items()}


def _seal(body: str) -> str:
    return xxh3_128_hexdigest(body.encode(errors="surrogateescape"))
