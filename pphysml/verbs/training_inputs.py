"""What a training reads: the part of a run folder that is not configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .. import __version__
from ..errors import InputError
from ..io.identity import difference, identities
from ..io.reader import Reader
from ..io.sources import real_place
from ..own_network import Recorded, recorded
from ..task import Task
from ..training.data import Readers
from .inputs import Inputs
from .named_files import placed

Identities = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class TrainingInputs:
    """Where a training begins.

    Attributes:
        inputs: none means simulated on the fly.
        validation: files for validation instead of a share of the inputs.
        init_from: run folder or weights file whose weights are the start.
        code: name and hash of the network's code, where that is one of the user's own.
        identities: of the files that a run began with, by use; empty for a new one, and none where a run of an older
            version has not kept them. See `io.identity`.
    """

    inputs: Inputs = field(default_factory=Inputs)
    validation: Sequence[str] = ()
    init_from: str | None = None
    code: Recorded | None = None
    identities: Mapping[str, Identities] | None = field(default_factory=dict)

    def open(self, task: Task[Any], config: Any) -> Readers | None:
        """Open the files; None where data is simulated.

        Raises:
            InputError: as `io.reader.Reader`; or a file is another than it was when the run began.
            ConfigError: as `io.reader.Reader`.
        """
        if not self.inputs.files:
            return None
        training = self.inputs.open_for_training(task, config)
        validation = replace(self.inputs, files=self.validation).open_for_training(task, config) if self.validation else None
        _warn_of_both(training, validation)
        if self.identities is None:
            training.warnings.append("the run was begun by an older version, which kept nothing by which its files are known: "
                                     "whether they are still the same is not compared")
        readers = Readers(training, validation)
        self._refuse_changed(readers)
        return readers

    def _refuse_changed(self, readers: Readers) -> None:
        if not self.identities:
            return
        for use, found in _identities(readers).items():
            if changed := difference(self.identities.get(use, ()), found):
                raise InputError(f"{changed}; a training goes on with the data that it began with: "
                                 "give them back, or begin a new one with --init-from")

    def to_json(self, readers: Readers | None) -> dict[str, Any]:
        """Return what a run folder keeps; of patterns and lists, the files."""
        given = self.inputs
        optional = {"layout": given.layout, "model_code": None if self.code is None else asdict(self.code),
                    "files": None if readers is None else _identities(readers)}
        return {
            "inputs": _names(given), "validation": _names(replace(given, files=self.validation)), "max_entries": given.max_entries,
            "mapping": dict(given.mapping), "tree": given.tree, "on_bad_file": given.on_bad_file,
            "init_from": self.init_from, "package_version": __version__, "folder": os.getcwd(),
            **{name: value for name, value in optional.items() if value is not None},
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> TrainingInputs:
        """Return what a run folder has kept; files that were named from another working folder are named from there.

        Raises:
            ValueError: it is not what `to_json` returns.
        """
        _check(kept)
        folder = kept.get("folder", "")
        inputs = Inputs(placed(kept["inputs"], folder), kept.get("tree"), kept.get("layout"), dict(kept["mapping"]),
                        max_entries=kept.get("max_entries"), on_bad_file=kept["on_bad_file"])
        return cls(inputs, placed(kept["validation"], folder), kept.get("init_from"), recorded(kept), kept.get("files"))


def _warn_of_both(training: Reader, validation: Reader | None) -> None:
    if validation is None:
        return
    both = set(map(real_place, training.sources)) & set(map(real_place, validation.sources))
    if both:
        validation.warnings.append(f"{min(path for path, _ in both)} is among the files of the training and of --validation: "
                                   "the network is judged on what it has seen")


def _check(kept: Mapping[str, Any]) -> None:
    def texts(values: Any) -> bool:
        return isinstance(values, list) and all(isinstance(value, str) for value in values)

    def maps(values: Any) -> bool:
        return isinstance(values, list) and all(isinstance(value, dict) for value in values)

    mapping, files = kept.get("mapping"), kept.get("files", {})
    right = {
        **{name: texts(kept.get(name)) for name in ("inputs", "validation")},
        **{name: isinstance(kept.get(name), str | None) for name in ("tree", "layout", "init_from")},
        "folder": isinstance(kept.get("folder", ""), str),
        "on_bad_file": kept.get("on_bad_file") in ("fail", "skip"),
        "max_entries": isinstance(kept.get("max_entries"), int | None),
        "mapping": isinstance(mapping, dict) and texts(list(mapping.values())),
        "files": isinstance(files, dict) and all(map(maps, files.values())),
    }
    for name, is_right in right.items():
        if not is_right:
            raise ValueError(f"{name!r} is missing, or none that a training writes")


def _identities(readers: Readers) -> dict[str, list[dict[str, Any]]]:
    used: dict[str, Reader | None] = {"training": readers.training, "validation": readers.validation}
    try:
        return {use: identities(reader) for use, reader in used.items() if reader is not None}
    except OSError as error:
        raise InputError(f"cannot be read any more: {error.strerror}", file=error.filename) from None


def _names(given: Inputs) -> list[str]:
    return [f"{s.path}:{s.tree}" if s.tree not in (None, given.tree) else s.path for s in given.sources()] if given.files else []
