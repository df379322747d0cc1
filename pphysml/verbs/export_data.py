"""Export the examples of files as tensors, in one of the formats that their task offers."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from .. import __version__
from ..atomic_files import new_folder, written
from ..config import Source
from ..contract import DataExport
from ..errors import ConfigError
from ..io.ragged import Array, Columns, length
from ..io.reader import Reader
from ..progress import Progress, Silent
from ..task import Task
from .engine_choice import shipped_configuration
from .examples import Findings, assembled, warn, warn_of_files
from .inputs import Inputs

FORMAT_VERSION = 1


def export_data(
    task: Task[Any],
    inputs: Inputs,
    *,
    format: str,
    output: Path,
    source: Source = None,
    overrides: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write the examples of the inputs, in order, as shards of tensors in a new folder; return a summary.

    Args:
        format: one of `task.data_exports`.
        output: folder, complete when it appears.
        source, overrides: the configuration; by default that of the weights which applying takes.

    Raises:
        InputError, ConfigError, OutputError: as their names say; no folder is left.
    """
    progress = progress or Silent()
    config = shipped_configuration(task, source, overrides)
    export = task.data_export(format, config)
    _check_free(output, export, force)
    reader = inputs.open(task, config)
    findings = Findings()
    warn_of_files(reader, findings.warnings, progress)
    header = {
        "format_version": FORMAT_VERSION, "package_version": __version__, "task": task.name, "format": format,
        "layout": reader.layout.name, "inputs": [f"{s.path}:{s.tree}" if s.tree else s.path for s in reader.sources],
        "config": config.model_dump(mode="json", include={"data", "apply"}), "tensors": export.describe(),
    }
    total: Counter[str] = Counter()
    shards = 0
    with new_folder(output, force) as folder:
        progress.start(f"{task.name}: {format}", reader.n_entries, "entry")
        for shard in export.shards(_examples(task, config, reader, findings, progress)):
            counts = export.count(shard)
            with written(output):
                _write(folder / f"{export.stem}-{shards:05d}.safetensors", shard, {**header, "shard": shards, **counts})
            total.update(counts)
            shards += 1
    if not next(iter(total.values())):
        warn(f"the input makes no {next(iter(total))}; the output holds none", findings.warnings, progress)
    return {"output": str(output), "format": format, "entries": reader.n_entries, "shards": shards, **total,
            **findings.facts, "warnings": findings.warnings, "skipped": reader.skipped}


def _examples(task: Task[Any], config: Any, reader: Reader, findings: Findings, progress: Progress) -> Iterator[Columns]:
    for part in assembled(task, config, reader, findings, progress):
        if length(part.examples):
            yield part.examples


def _check_free(output: Path, export: DataExport, force: bool) -> None:
    """Refuse an output that exists and is not empty; with `force`, one that holds anything but shards."""
    with written(output):
        if not output.exists() or (output.is_dir() and not any(output.iterdir())):
            return
        if not force or not output.is_dir():
            raise ConfigError(f"{output}: exists; give another --output{' or --force' if output.is_dir() else ''}.")
        own = re.compile(rf"{re.escape(export.stem)}-\d{{5,}}\.safetensors")
        other = next((path.name for path in output.iterdir() if not own.fullmatch(path.name)), None)
    if other is not None:
        raise ConfigError(f"{output}: holds {other!r}, which no export wrote; --force does not delete it.")


def _write(path: Path, tensors: Mapping[str, Array], header: Mapping[str, Any]) -> None:
    arrays = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    content = save(arrays, metadata={"pphysml": json.dumps(header)})
    with open(path, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
