"""Write columns as a TTree; the file appears under its name only when it is complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import uproot

from .. import __version__
from ..errors import ConfigError, OutputError
from ..task import Field
from .arrays import to_awkward
from .branches import Branch, counts, plan, plan_empty
from .metadata import FORMAT_VERSION, OBJECT, Checksum, encode
from .ragged import Columns, Ragged, length
from .sources import is_remote

COMPRESSION = ("zstd", 5)
"""The smallest files of lz4, zlib and zstd, written three times as fast as with zlib."""


class Writer:
    """One output tree, written chunk by chunk inside a `with` block.

    Ragged fields with the same `Field.counter` share one counter branch of that name. Columns
    `keep:BRANCH` are written as BRANCH; `file` as int32 and `entry` as int64. The columns of the
    first chunk are those of all; fields that it does not have are not written.

    Args:
        path: ROOT file; it is moved into place at the end, and not at all after an exception.
        tree: name of the tree.
        fields: names, types and counters of the columns.
        metadata: provenance, written as JSON in the object `pphysml` beside format and package
            version, number of entries, and a checksum of every branch.
        force: overwrite an existing file.
        inputs: files that must not be overwritten, even with `force`.
        compression: uproot algorithm and level, or None.

    Raises:
        ConfigError: the file exists and `force` is not given, or is one of the inputs.
        OutputError: the folder is missing or not writable; later: the disk is full.
    """

    def __init__(
        self,
        path: str | Path,
        tree: str,
        fields: Sequence[Field],
        *,
        metadata: Mapping[str, Any],
        force: bool = False,
        inputs: Sequence[str] = (),
        compression: tuple[str, int] | None = COMPRESSION,
    ) -> None:
        if is_remote(str(path)):
            raise ConfigError(f"{path}: output is written to files only; copy it to its address afterwards.")
        self.path = Path(path)
        self.tree = tree
        self.fields = tuple(fields)
        self.metadata = dict(metadata)
        self.n_entries = 0
        self._force = force
        self._compression = compression
        self._temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        self._file: Any = None
        self._branches: list[Branch] | None = None
        self._checksums: dict[str, Checksum] = {}
        _check_target(self.path, force, inputs)

    def __enter__(self) -> Writer:
        try:
            with self._errors():
                self._file = uproot.recreate(self._temporary, compression=_compression(self._compression))
        except BaseException:
            self._discard()
            raise
        return self

    def extend(self, columns: Columns) -> None:
        """Append entries.

        Raises:
            OutputError: they cannot be written, or a value does not fit into its field's type.
            ValueError: columns other than those of the first call, or unequal lengths.
        """
        if self._branches is None:
            self._create(plan(columns, self.fields))
        branches = self._branches or []
        counters = {branch.counter for branch in branches}
        expected = {branch.column for branch in branches}
        given = set(columns) - counters
        if given != expected:
            raise ValueError(f"columns {sorted(given ^ expected)} are not in every call of extend")
        size = length(columns)
        converted = {b.name: b.convert(columns[b.column], str(self.path)) for b in branches}
        chunk: Columns = {**converted, **counts(branches, columns)}
        if size == 0:
            return
        for name, column in chunk.items():
            self._checksums[name].update(column)
        with self._errors():
            self._file[self.tree].extend(
                {name: to_awkward(c) if isinstance(c, Ragged) else c for name, c in chunk.items()}
            )
        self.n_entries += size

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._complete()
        finally:
            self._discard()

    def _create(self, branches: list[Branch]) -> None:
        counter_of = {branch.name: branch.counter for branch in branches if branch.counter}
        types = {branch.name: branch.type() for branch in branches}
        with self._errors():
            # Never by assignment: that writes an RNTuple.
            self._file.mktree(self.tree, types, counter_name=lambda name: counter_of.get(name, "n" + name))
        self._branches = branches
        self._checksums = {name: Checksum() for name in [*types, *dict.fromkeys(counter_of.values())]}

    def _complete(self) -> None:
        if self._branches is None:
            self._create(plan_empty(self.fields))
        with self._errors():
            self._file[OBJECT] = encode(self._provenance())
            self._file.close()
            self._file = None
            _to_disk(self._temporary)
            if self.path.exists() and not self._force:
                raise OutputError(f"{self.path}: has come into being meanwhile, and is not overwritten.")
            os.replace(self._temporary, self.path)
            _to_disk(self.path.parent)

    def _provenance(self) -> dict[str, Any]:
        checksums = {name: checksum.hexdigest() for name, checksum in self._checksums.items()}
        return {
            **self.metadata,
            "format_version": FORMAT_VERSION,
            "package_version": __version__,
            "tree": self.tree,
            "n_entries": self.n_entries,
            # Nothing was hashed in an empty tree, not even the types.
            "checksums": checksums if self.n_entries else {},
        }

    def _discard(self) -> None:
        """Remove the temporary file, whatever state it is in."""
        if self._file is not None:
            with contextlib.suppress(Exception):
                self._file.close()
            self._file = None
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _errors(self) -> Any:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{self.path}: cannot be written: {reason}.") from error


def _check_target(path: Path, force: bool, inputs: Sequence[str]) -> None:
    """Refuse before any work what would fail after it."""
    for name in inputs:
        if not is_remote(name) and path.exists() and os.path.exists(name) and os.path.samefile(path, name):
            raise ConfigError(f"{path}: is one of the inputs, and is not overwritten.")
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path}: is not a file; the output must be a ROOT file.")
    if path.exists() and not force:
        raise ConfigError(f"{path}: exists already; give --force to overwrite it.")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {str(path.parent)!r}; make it first.")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise OutputError(f"{path}: the folder {str(path.parent)!r} may not be written (permission denied).")


def _compression(chosen: tuple[str, int] | None) -> Any:
    return None if chosen is None else getattr(uproot, chosen[0].upper())(chosen[1])


def _to_disk(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # some network file systems cannot do it for a folder
            raise
    finally:
        os.close(handle)
