"""Write columns as TTrees; the file appears under its name only when it is complete."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import uproot

from .. import __version__
from ..atomic_files import Unfinished, check_target, put, to_disk, written
from ..errors import ConfigError, OutputError
from .metadata import FORMAT_VERSION, OBJECT, encode
from .output_tree import OutputTree
from .ragged import Columns
from .schema import Field
from .sources import is_remote

COMPRESSION = ("zstd", 3)
"""Files within 2 % of the smallest of lz4, zlib and zstd, written in half the time of level 5 and a fifth of that of zlib."""


class Writer:
    """One output tree, and others beside it, written chunk by chunk inside a `with` block.

    Ragged fields with the same `Field.counter` share one counter branch of that name. Columns
    `keep:BRANCH` are written as BRANCH; `file` as int32 and `entry` as int64. The columns of the
    first chunk are those of all; fields that it does not have are not written.

    Args:
        path: ROOT file; it is moved into place at the end, and not at all after an exception.
        tree: name of the tree.
        fields: names, types and counters of the columns.
        metadata: provenance, written as JSON in the object `pphysml` beside format and package
            version, number of entries, and types and checksums of every branch.
        further: names and fields of further trees, which have entries of their own.
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
        further: Mapping[str, Sequence[Field]] | None = None,
        force: bool = False,
        inputs: Sequence[str] = (),
        compression: tuple[str, int] | None = COMPRESSION,
    ) -> None:
        if is_remote(str(path)):
            raise ConfigError(f"{path}: output is written to files only; copy it to its address afterwards.")
        self.path = Path(path)
        self.tree = tree
        self.metadata = dict(metadata)
        self._force = force
        self._compression = compression
        self._growing: dict[Path, Unfinished] = {}
        self._unfinished: list[Unfinished] = []
        self._file: Any = None
        self._trees = {name: OutputTree(name, its) for name, its in {tree: fields, **(further or {})}.items()}
        self._inputs = inputs
        check_output(self.path, force, inputs, "ROOT file")

    def __enter__(self) -> Writer:
        self._unfinished = [Unfinished(self.path)]
        try:
            with self._errors():
                self._file = uproot.recreate(self._unfinished[-1].temporary, compression=_compression(self._compression))
        except BaseException:
            self._discard()
            raise
        return self

    def extend(self, columns: Columns, tree: str | None = None) -> None:
        """Append entries to the output tree, or to a further one.

        Raises:
            OutputError: they cannot be written, or a value does not fit into its field's type.
            ValueError: columns other than those of the tree's first call, or unequal lengths.
        """
        with self._errors():
            self._trees[tree or self.tree].extend(self._file, columns, str(self.path))

    def put_beside(self, path: Path, write: Callable[[Path], None]) -> None:
        """Write a file that belongs to the output, and appears with it.

        Args:
            write: writes it to the path that it is given.

        Raises:
            ConfigError: it exists and is not overwritten.
            OutputError: it cannot be written.
        """
        file = self._new_beside(path)
        with written(path):
            write(file.temporary)

    def append_beside(self, path: Path, content: bytes) -> None:
        """Append to a file that belongs to the output, and appears with it; the first call makes it.

        Raises:
            ConfigError, OutputError: as `put_beside`.
        """
        file = self._growing.get(path) or self._growing.setdefault(path, self._new_beside(path))
        with written(path), open(file.temporary, "ab") as stream:
            stream.write(content)

    @property
    def grown(self) -> list[Path]:
        """Files beside the output to which something was appended."""
        return list(self._growing)

    def _new_beside(self, path: Path) -> Unfinished:
        check_output(path, self._force, self._inputs)
        file = Unfinished(path)
        # The main file comes last: where it is, all are.
        self._unfinished.insert(-1, file)
        return file

    @property
    def n_entries(self) -> int:
        """Entries of the output tree so far."""
        return self._trees[self.tree].n_entries

    @property
    def entries(self) -> dict[str, int]:
        """Entries so far by tree, the output tree first."""
        return {name: tree.n_entries for name, tree in self._trees.items()}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._complete()
        finally:
            self._discard()

    def _complete(self) -> None:
        with self._errors():
            for tree in self._trees.values():
                tree.complete(self._file)
            self._file[OBJECT] = encode(self._provenance())
            self._file.close()
            self._file = None
            for file in self._unfinished:
                to_disk(file.temporary)
                if file.path.exists() and not self._force:
                    raise OutputError(f"{file.path}: has come into being meanwhile, and is not overwritten.")
            put(self._unfinished)
            to_disk(self.path.parent)

    def _provenance(self) -> dict[str, Any]:
        facts = {name: tree.facts() for name, tree in self._trees.items()}
        main = facts.pop(self.tree)
        return {
            **self.metadata,
            "format_version": FORMAT_VERSION,
            "package_version": __version__,
            "tree": self.tree,
            **main,
            **({"further_trees": facts} if facts else {}),
        }

    def _discard(self) -> None:
        """Remove the temporary files, whatever state they are in."""
        if self._file is not None:
            with contextlib.suppress(Exception):
                self._file.close()
            self._file = None
        for file in self._unfinished:
            file.remove()

    @contextlib.contextmanager
    def _errors(self) -> Any:
        try:
            yield
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{self.path}: cannot be written: {reason}.") from error


def check_output(path: Path, force: bool, inputs: Sequence[str], kind: str = "file") -> None:
    """Refuse before any work what would fail after it.

    Args:
        force, kind: as of `check_target`.
        inputs: files that must not be overwritten, even with `force`.

    Raises:
        ConfigError, OutputError: as `check_target`; or it is one of the inputs.
    """
    with written(path):
        if any(not is_remote(name) and path.exists() and os.path.exists(name) and os.path.samefile(path, name) for name in inputs):
            raise ConfigError(f"{path}: is one of the inputs, and is not overwritten.")
    check_target(path, force, kind)


def _compression(chosen: tuple[str, int] | None) -> Any:
    return None if chosen is None else getattr(uproot, chosen[0].upper())(chosen[1])
