"""Names of input files as users write them: paths, globs, lists, trees, remote addresses."""

from __future__ import annotations

import glob
import importlib.util
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import ConfigError, InputError, did_you_mean

ENDINGS = (".root", ".h5", ".hdf5")
"""Of the names of files behind which a colon and a tree may follow."""

MAX_LIST_DEPTH = 8
"""List files may name list files, but not for ever."""


@dataclass(frozen=True)
class Source:
    """One input file, and the tree to be read; None leaves the choice to the layout."""

    path: str
    tree: str | None = None


def resolve(inputs: Sequence[str], tree: str | None = None) -> list[Source]:
    """Turn what a user named into files, in the order given; globs in natural order (2 before 10).

    Args:
        inputs: paths, `file.root:tree`, globs (`run_*.root:events`), list files (`@files` or
            `files.txt`: one input per line, `#` begins a comment) and `root://` addresses.
        tree: tree of the inputs that name none.

    Raises:
        InputError: no file matches; the nearest names in that folder are given.
        ConfigError: nothing was named, or an address needs a package that is not installed.
    """
    sources = [source for text in inputs for source in _resolve_one(str(text), tree, 0)]
    if not sources:
        raise ConfigError("No input file was named.")
    return sources


def is_remote(path: str) -> bool:
    """Return whether a path is an address such as root://server//file.root."""
    return "://" in path


def split_tree(text: str) -> tuple[str, str | None]:
    """Split `file.root:tree` at the last `.root:`, or other ending; other colons belong to the path."""
    end = max(text.rfind(f"{ending}:") + len(ending) if f"{ending}:" in text else -1 for ending in ENDINGS)
    if end > 0 and text[end + 1 :] and not os.path.exists(text):
        return text[:end], text[end + 1 :]
    return text, None


def _resolve_one(text: str, default_tree: str | None, depth: int) -> Iterator[Source]:
    if text.startswith("@") or text.endswith(".txt"):
        yield from _from_list(text.removeprefix("@"), default_tree, depth)
        return
    path, tree = split_tree(text)
    tree = tree or default_tree
    if is_remote(path):
        _check_remote(path)
        yield Source(path, tree)
    elif os.path.isdir(path):
        raise InputError(f"{path}: is a folder; name the files in it, for example {os.path.join(path, '*.root')!r}.")
    elif os.path.exists(path):
        yield Source(path, tree)
    else:
        matches = matching(path)
        if not matches:
            raise absent(path)
        yield from (Source(match, tree) for match in matches)


def _from_list(path: str, tree: str | None, depth: int) -> Iterator[Source]:
    if depth >= MAX_LIST_DEPTH:
        raise InputError(f"{path}: list files name each other more than {MAX_LIST_DEPTH} deep.")
    try:
        with open(path, encoding="utf-8") as file:
            lines = [line.partition("#")[0].strip() for line in file]
    except FileNotFoundError:
        raise absent(path) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text, or its name is none"
        raise InputError(f"{path}: cannot be read as a list of files: {reason}.") from None
    if not any(lines):
        raise InputError(f"{path}: names no file.")
    for line in filter(None, lines):
        yield from _resolve_one(line, tree, depth + 1)


def _check_remote(path: str) -> None:
    protocol = path.split("://")[0]
    needed = {"root": "fsspec_xrootd", "roots": "fsspec_xrootd", "http": "aiohttp", "https": "aiohttp"}
    if protocol not in needed:
        raise ConfigError(f"{path}: addresses of type {protocol!r} cannot be read.{did_you_mean(protocol, needed)}")
    if importlib.util.find_spec(needed[protocol]) is None:
        command = "pphysml[xrootd]" if protocol.startswith("root") else needed[protocol]
        raise ConfigError(f"{path}: reading from {protocol}:// needs `pip install {command}`.")


def real_place(source: Source) -> tuple[str, str | None]:
    """Return file and tree as all names of the same file have them: a path without links, or an address."""
    return source.path if is_remote(source.path) else os.path.realpath(source.path), source.tree


def matching(pattern: str) -> list[str]:
    """Return the files that a glob matches, folders left out, numbers in their names in the order of their values."""
    try:
        found = glob.glob(pattern, recursive=True)
    except (OSError, ValueError, re.error):  # a name that can be none, or a pattern that is none
        return []
    return sorted((name for name in found if not os.path.isdir(name)), key=natural)


def natural(name: str) -> tuple[list[tuple[str, int]], str]:
    """Return a key by which `run_2` comes before `run_10`."""
    return [(text, int(number or -1)) for text, number in re.findall(r"([^0-9]*)([0-9]*)", name)], name


def names_in(folder: str) -> list[str]:
    """Return the names in a folder, in natural order.

    Raises:
        InputError: it cannot be listed.
    """
    try:
        return sorted(os.listdir(folder), key=natural)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: the folder cannot be read: {_reason(error)}.") from None


def absent(path: str) -> InputError:
    """Return the error for a name that nothing matches: what the system says of it, else the nearest names."""
    folder = os.path.dirname(path) or "."
    try:
        if not glob.has_magic(path):
            os.stat(path)
        elif os.path.exists(folder):
            os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        return InputError(f"{path}: cannot be found: {_reason(error)}.")
    return InputError(f"No file matches {path!r}.{_neighbours(path)}")


def _reason(error: OSError | ValueError) -> str:
    return error.strerror or "unknown reason" if isinstance(error, OSError) else str(error)


def _neighbours(path: str) -> str:
    """Return a hint with the nearest file names in the folder of a path that matches nothing."""
    folder, name = os.path.split(path)
    if not os.path.isdir(folder or "."):
        return f" There is no folder {folder!r}."
    try:
        names = [entry.name for entry in os.scandir(folder or ".") if entry.is_file()]
    except OSError:
        return ""
    inputs = [n for n in names if n.endswith(ENDINGS)]
    return did_you_mean(name, inputs or names)
