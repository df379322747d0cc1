"""Weights files: safetensors with everything that applying needs in the header, and no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from . import __version__
from .atomic_files import replacement
from .config import ConfigType, build
from .errors import ConfigError, ModelError
from .io.ragged import Array
from .own_network import Code, recorded

FORMAT_VERSION = 1
PARTS = ("network", "prepared", "finished")


@dataclass
class ModelFile:
    """A trained model.

    Attributes:
        header: task, configuration, step, metrics, inputs and versions, as JSON values.
        network: the network's weights by name.
        prepared: what was fitted before training (scales, tables, ranges).
        finished: what was fitted after training (calibration).
        hash: first 16 hexadecimal digits of the file's SHA-256; "" before it is saved.
        code: leave to run the code of the network, where that is one of the user's own.
        path: of the file; None before it is saved.
    """

    header: dict[str, Any]
    network: dict[str, Array]
    prepared: dict[str, Array] = field(default_factory=dict)
    finished: dict[str, Array] = field(default_factory=dict)
    hash: str = ""
    code: Code | None = None
    path: Path | None = None

    def configuration(self, schema: type[ConfigType]) -> ConfigType:
        """Return the configuration of the training.

        Raises:
            ModelError: it is not valid, or has a network of the user's own, and the user has not given its code.
        """
        where = "the model's configuration" if self.path is None else f"{self.path}: the model's configuration"
        try:
            return build(schema, self.header["config"], where, self.code)
        except ConfigError as error:
            raise ModelError(str(error)) from None

    @property
    def task(self) -> str:
        """Name of the task that the model belongs to."""
        return str(self.header["task"])


def save_model(path: Path, model: ModelFile) -> None:
    """Write a weights file; it appears complete or not at all.

    Raises:
        OutputError: the file could not be written.
    """
    content = serialized(model)
    with replacement(path, "the weights could not be written") as stream:
        stream.write(content)
    model.hash = hashlib.sha256(content).hexdigest()[:16]


def serialized(model: ModelFile) -> bytes:
    """Return the content of a weights file."""
    tensors: dict[str, Array] = {}
    for part in PARTS:
        values: Mapping[str, Array] = getattr(model, part)
        for name, value in values.items():
            tensors[f"{part}.{name}"] = np.asarray(value, order="C")
    header = {"format_version": FORMAT_VERSION, "package_version": __version__, **model.header}
    return save(tensors, metadata={"pphysml": json.dumps(header)})


def to_safetensors(model: ModelFile) -> tuple[bytes]:
    """Return the weights file by itself: all that applying needs, in one portable file."""
    return (serialized(model),)


def locate(path: Path) -> Path:
    """Return the weights file that a path means: itself, or the one of a run folder."""
    if path.is_dir():
        inside = path / "model.safetensors"
        if not inside.exists():
            raise ModelError(f"{path}: is no run folder with weights; it holds no model.safetensors.")
        return inside
    if not path.exists():
        raise ModelError(f"{path}: there is no such weights file or run folder.")
    return path


def read_header(path: Path) -> dict[str, Any]:
    """Return a weights file's header alone.

    Raises:
        ModelError: the file is missing, not safetensors, not ours, or newer than this program.
    """
    path = locate(path)
    try:
        with safe_open(path, framework="np") as stream:
            metadata = stream.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(_unreadable(path, error)) from None
    if "pphysml" not in metadata:
        raise ModelError(f"{path}: is a safetensors file, but not one written by pphysml.")
    return _parse(path, metadata["pphysml"])


def is_ours(path: Path) -> bool:
    """Return whether a file is a weights file of this program, of any version."""
    try:
        with safe_open(path, framework="np") as stream:
            return "pphysml" in (stream.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return False


def load_model(path: Path, task: str | None = None, code: Path | None = None) -> ModelFile:
    """Read a weights file, or the one of a run folder.

    Args:
        task: the task it must belong to, if any.
        code: file of its network, where that is one of the user's own.

    Raises:
        ModelError: as `read_header`; or the model belongs to another task, or holds weights that
            are not finite; or the code is another than that of the training.
        ConfigError: the file of the network cannot be read, or the weights are of no network of the user's own.
    """
    path = locate(path)
    header = read_header(path)
    if task is not None and header["task"] != task:
        raise ModelError(f"{path}: holds a model of {header['task']!r}, not of {task!r}.")
    parts: dict[str, dict[str, Array]] = {part: {} for part in PARTS}
    try:
        with safe_open(path, framework="np") as stream:
            for key in stream.keys():  # noqa: SIM118 - not a mapping
                part, _, name = key.partition(".")
                parts[part][name] = stream.get_tensor(key)
    except (SafetensorError, OSError, KeyError) as error:
        raise ModelError(_unreadable(path, error)) from None
    # In a network of the user's own there may be constants that are infinite, as in a mask.
    wrong = np.isnan if recorded(header) else lambda values: ~np.isfinite(values)
    for name, value in parts["network"].items():
        if value.dtype.kind == "f" and wrong(value).any():
            raise ModelError(f"{path}: the weights {name!r} are not finite; its training diverged.")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return ModelFile(header, parts["network"], parts["prepared"], parts["finished"], digest, _leave(path, header, code), path)


def _leave(path: Path, header: dict[str, Any], code: Path | None) -> Code | None:
    """Return the leave to run the code that the user has given for a network."""
    if code is None:
        return None
    kept = recorded(header)
    if kept is None:
        raise ConfigError(f"--model-code {code}: {path} records no code of a network of your own; leave it out.")
    return kept.allows(code)


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        header = json.loads(text)
    except ValueError:
        header = None
    version = header.get("format_version") if isinstance(header, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: has format {version}, this program reads up to "
            f"{FORMAT_VERSION}; it was written by pphysml {header.get('package_version')}."
        )
    if isinstance(header, dict) and "format" in header:
        raise ModelError(f"{path}: is an export in the format {header['format']!r}, for other programs; give the weights that it was made from.")
    if not isinstance(version, int) or not {"task", "config"} <= header.keys():
        raise ModelError(f"{path}: its header is damaged; it does not tell format, task and configuration.")
    checked: dict[str, Any] = header
    return checked


def _unreadable(path: Path, error: Exception) -> str:
    with open(path, "rb") as stream:
        start = stream.read(4)
    if start[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return (
            f"{path}: is a pickle, which can run code when it is loaded; "
            "only safetensors weights are accepted."
        )
    return f"{path}: is not a readable safetensors file ({error})."
