"""Weights files: safetensors with everything that applying needs in the header, and no pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from . import __version__
from .atomic_files import replacement
from .config import Config, ConfigType, build
from .errors import ConfigError, ModelError, shortened
from .io.ragged import Array
from .model_header import fault, parse
from .own_network import Code, is_own, recorded

FORMAT_VERSION = 1
PARTS = ("network", "prepared", "finished")
TYPES = {"BOOL", "U8", "I8", "U16", "I16", "U32", "I32", "U64", "I64", "F16", "F32", "F64"}
"""Types of safetensors that NumPy has."""
HEADER, CHECKSUM = "pphysml", "pphysml_sha256"
"""Entries of the file's metadata; old files have no checksum."""


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
        where = f"{self.named}: the model's configuration"
        values = self.header["config"]
        try:
            made = build(schema, values, where, self.code)
        except ConfigError as error:
            raise ModelError(str(error)) from None
        sections = [(name, section) for name, section in made if isinstance(section, Config)]
        empty = [name for name, section in sections if type(section).model_fields and not section.model_fields_set]
        if empty:
            raise ModelError(f"{where}: there is nothing in {', '.join(empty)}; the header is damaged.")
        return made

    @property
    def training_data(self) -> dict[str, Any]:
        """What the training had: whether `simulated`, and otherwise `files`, `validation_fraction`, and `event_ids` where it is split by these.

        Raises:
            ModelError: the header does not say it.
        """
        data: dict[str, Any] = self.header.get("training_data") or {}
        if "simulated" not in data:
            raise ModelError(f"{self.named}: its header does not say which data it was trained on, which evaluating needs; the header is damaged.")
        return data

    @property
    def named(self) -> str:
        """What errors call it."""
        return "The model" if self.path is None else str(self.path)

    def stored(self, part: str, name: str, shape: tuple[int | None, ...], kinds: str = "f") -> Array:
        """Return an array that is stored beside the weights.

        Args:
            part: `prepared` or `finished`.
            shape: that it must have; None stands for any length.
            kinds: of its numbers, as NumPy calls them; floating ones have 32 or 64 bits.

        Raises:
            ModelError: it is not there or another one.
        """
        values = {"prepared": self.prepared, "finished": self.finished}[part].get(name)
        key = f"{self.named}: the stored array '{part}.{name}'"
        if values is None:
            raise ModelError(f"{key} is missing.")
        if values.dtype.kind not in kinds or values.dtype == np.float16:
            raise ModelError(f"{key} is of type {values.dtype}, which it is never written in.")
        if values.ndim != len(shape) or any(n not in (None, m) for n, m in zip(shape, values.shape, strict=True)):
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise ModelError(f"{key} has the shape {values.shape}, not ({wanted}).")
        return values

    def finite(self, part: str, name: str, shape: tuple[int | None, ...]) -> Array:
        """Return a stored array of finite floating-point numbers; see `stored`.

        Raises:
            ModelError: it is not there or another one.
        """
        values = self.stored(part, name, shape)
        if not np.isfinite(values).all():
            raise ModelError(f"{self.named}: the stored array '{part}.{name}' is not finite.")
        return values

    def ranges(self, part: str, name: str, shape: tuple[int | None, ...]) -> None:
        """Refuse stored ranges (..., 2) whose lowest value is above the highest; what was not seen is NaN twice.

        Raises:
            ModelError: it is not there or another one.
        """
        low, high = np.moveaxis(self.stored(part, name, shape), -1, 0)
        if not (((low <= high) & np.isfinite(low) & np.isfinite(high)) | (np.isnan(low) & np.isnan(high))).all():
            raise ModelError(f"{self.named}: the stored array '{part}.{name}' holds no ranges from low to high.")

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
    text = json.dumps({"format_version": FORMAT_VERSION, "package_version": __version__, **model.header})
    return _in_order(save(tensors, metadata={HEADER: text, CHECKSUM: _checksum(text, tensors)}))


def _in_order(content: bytes) -> bytes:
    """Return a safetensors file with its metadata in order, which the library writes in any; so that equal models are equal files."""
    length = int.from_bytes(content[:8], "little")
    table = json.loads(content[8 : 8 + length])
    table["__metadata__"] = dict(sorted(table["__metadata__"].items(), reverse=True))  # the header first
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + content[8 + length :]


def _checksum(header: str, tensors: Mapping[str, Array]) -> str:
    """Return the SHA-256 of what is read: the header, and names, types, shapes and values of the arrays."""
    sha256 = hashlib.sha256(header.encode())
    for name, value in sorted(tensors.items()):
        sha256.update(f"\n{name} {value.dtype.name} {value.shape}\n".encode() + value.tobytes())
    return sha256.hexdigest()


def to_safetensors(model: ModelFile) -> tuple[bytes]:
    """Return the weights file by itself: all that applying needs, in one portable file."""
    return (serialized(model),)


def locate(path: Path) -> Path:
    """Return the weights file that a path means: itself, or the one of a run folder."""
    if os.path.isdir(path):
        inside = path / "model.safetensors"
        if not inside.exists():
            raise ModelError(f"{path}: is no run folder with weights; it holds no model.safetensors.")
        path = inside
    if not os.path.lexists(path):
        raise ModelError(f"{shortened(str(path))}: there is no such weights file or run folder.")
    if not os.path.isfile(path):
        raise ModelError(f"{path}: is no regular file, and cannot be read as weights.")
    return path


def read_header(path: Path) -> dict[str, Any]:
    """Return a weights file's header alone.

    Raises:
        ModelError: the file is missing, not safetensors, not ours, or newer than this program.
    """
    path = locate(path)
    return _parse(path, _metadata(path)[HEADER])


def is_ours(path: Path) -> bool:
    """Return whether a file is a weights file of this program, of any version."""
    try:
        with safe_open(path, framework="np") as stream:
            return HEADER in (stream.metadata() or {})
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
    metadata = _metadata(path)
    header = _parse(path, metadata[HEADER])
    if task is not None and header["task"] != task:
        raise ModelError(f"{path}: holds a model of {shortened(header['task'])!r}, not of {task!r}.")
    tensors = _tensors(path)
    if metadata.get(CHECKSUM, "") not in ("", _checksum(metadata[HEADER], tensors)):
        raise ModelError(f"{path}: is damaged: what it holds is not what was written; copy the file again.")
    parts = _parts(path, tensors)
    _refuse_not_finite(path, header, parts["network"])
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return ModelFile(header, parts["network"], parts["prepared"], parts["finished"], digest, _leave(path, header, code), path)


def _metadata(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file of ours."""
    try:
        with safe_open(path, framework="np") as stream:
            metadata: dict[str, str] = stream.metadata() or {}
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(_unreadable(path, error)) from None
    if HEADER not in metadata:
        raise ModelError(f"{path}: is a safetensors file, but not one written by pphysml.")
    return metadata


def _tensors(path: Path) -> dict[str, Array]:
    try:
        with safe_open(path, framework="np") as stream:
            types = {name: stream.get_slice(name).get_dtype() for name in stream.keys()}  # noqa: SIM118 - not a mapping
            other = next((name for name, kind in types.items() if kind not in TYPES), None)
            if other is not None:
                raise ModelError(f"{path}: the array {shortened(other)!r} is of type {types[other]}, which pphysml writes nothing in.")
            return {name: stream.get_tensor(name) for name in types}
    except (SafetensorError, OSError) as error:
        raise ModelError(_unreadable(path, error)) from None


def _parts(path: Path, tensors: Mapping[str, Array]) -> dict[str, dict[str, Array]]:
    """Return the arrays of each part by their names in it."""
    parts: dict[str, dict[str, Array]] = {part: {} for part in PARTS}
    for key, values in tensors.items():
        part, _, name = key.partition(".")
        if part not in parts:
            raise ModelError(f"{path}: the array {shortened(key)!r} is of no part of a model; these are {', '.join(PARTS)}.")
        parts[part][name] = values
    return parts


def _refuse_not_finite(path: Path, header: Mapping[str, Any], network: Mapping[str, Array]) -> None:
    # In a network of the user's own there may be constants that are infinite, as in a mask.
    own = recorded(header)
    wrong = np.isnan if own is not None and is_own(own.name) else lambda values: ~np.isfinite(values)
    for name, value in network.items():
        if value.dtype.kind == "f" and wrong(value).any():
            raise ModelError(f"{path}: the weights {name!r} are not finite; its training diverged.")


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
        header = parse(text)
    except ValueError as error:
        raise ModelError(f"{path}: its header is damaged: {error}.") from None
    version = header.get("format_version")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ModelError(
            f"{path}: has format {version if version < 10**9 else 'unknown'}, this program reads up to "
            f"{FORMAT_VERSION}; it was written by pphysml {shortened(str(header.get('package_version')))}."
        )
    if "format" in header:
        raise ModelError(f"{path}: is an export in the format {shortened(repr(header['format']))}, for other programs; "
                         "give the weights that it was made from.")
    wrong = fault(header)
    if wrong:
        raise ModelError(f"{path}: its header is damaged: {wrong}.")
    return header


def _unreadable(path: Path, error: Exception) -> str:
    try:
        with open(path, "rb") as stream:
            start = stream.read(4)
    except OSError as closed:
        return f"{path}: cannot be read: {closed.strerror}."
    if start[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return (
            f"{path}: is a pickle, which can run code when it is loaded; "
            "only safetensors weights are accepted."
        )
    return f"{path}: is not a readable safetensors file ({shortened(str(error))})."
