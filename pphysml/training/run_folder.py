"""The folder of one training: configuration, environment, metrics, checkpoints, weights."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..atomic_files import check_folder, new_folder, replacement, written
from ..config import Config, dump
from ..errors import ConfigError, ModelError
from ..plain_yaml import load, read_text
from .run_lock import locked

STEP = re.compile(r"[0-9]{1,18}")
LARGEST_INPUTS = 2**27
"""Bytes of `inputs.json`, which names every input file."""
PACKAGES = ("torch", "torch-geometric", "lightning-fabric", "numpy", "uproot", "awkward", "numba", "safetensors", "snntorch")


class RunFolder:
    """Paths of a run, and its creation.

    Holds `config.yaml` (complete), `environment.json`, `inputs.json`, `metrics.csv`,
    `checkpoints/last.pt`, `model.safetensors`, `plots/`, and `.lock`, which the training holds.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.environment = path / "environment.json"
        self.inputs = path / "inputs.json"
        self.metrics = path / "metrics.csv"
        self.checkpoint = path / "checkpoints" / "last.pt"
        self.model = path / "model.safetensors"
        self.plots = path / "plots"
        self.lock = path / ".lock"

    @contextmanager
    def created(self, config: Config, inputs: Mapping[str, Any], force: bool = False) -> Iterator[RunFolder]:
        """Make the folder with configuration and environment; the block adds the first checkpoint, and it appears whole.

        Raises:
            ConfigError: as `check_free`.
            OutputError: it cannot be made.
        """
        self.check_free(force)
        older = locked(self.path, self.lock) if self.config.exists() else nullcontext(True)
        with older, new_folder(self.path, force, last=False) as path:
            new = RunFolder(path)
            with written(self.path):
                new.checkpoint.parent.mkdir()
                new.config.write_text(dump(config))
                new.environment.write_text(json.dumps(environment(), indent=2) + "\n")
                new.inputs.write_text(json.dumps(inputs, indent=2) + "\n")
            yield new

    def check_free(self, force: bool) -> None:
        """Make sure that a new run may be made here.

        Raises:
            ConfigError: something is there; with `force`, something that is not a run, or a run that is being trained.
            OutputError: nothing can be written there.
        """
        with written(self.path):
            check_folder(self.path, makes=True)
            if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
                return
            if not force:
                raise ConfigError(f"{self.path}: exists; give another --output, --force, or --resume.")
            if not self.config.exists():
                raise ConfigError(f"{self.path}: is not a run folder; --force does not delete it.")
            with locked(self.path, self.lock):
                pass

    def read(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the values of the configuration and of the inputs of a run that can be resumed.

        Raises:
            ModelError: this is no run folder, or it is damaged.
        """
        if not os.path.exists(self.config):
            raise ModelError(f"{self.path}: is not a run folder; it holds no config.yaml that may be read.")
        config, inputs = _map(self.config, load), _map(self.inputs, lambda path: json.loads(read_text(path, LARGEST_INPUTS)))
        for path in (self.model, self.metrics):
            if path.is_dir():
                raise ModelError(f"{path}: is a folder, where a file has to be; move it away.")
        read_rows(self.metrics)
        return config, inputs


def _map(path: Path, read: Callable[[Path], Any]) -> dict[str, Any]:
    try:
        values = read(path)
    except ConfigError as error:
        raise ModelError(str(error)) from None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ModelError(f"{path}: is damaged; it holds no map of names and values.")
    return values


def environment() -> dict[str, Any]:
    """Return versions, machine and command line."""
    versions = {"pphysml": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    scheduler = {k: v for k, v in os.environ.items() if k.startswith("SLURM_JOB")}
    return {
        "versions": versions,
        "platform": platform.platform(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "command": sys.argv,
        "scheduler": scheduler,
    }


def read_rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a `metrics.csv`; none if it is not there. A last row that was cut short is left out.

    Raises:
        ModelError: it is damaged.
    """
    try:
        text = path.read_text()
        header, *lines = csv.reader(text[: text.rindex("\n") + 1].splitlines(), strict=True)
    except FileNotFoundError:
        return []
    except (OSError, ValueError, csv.Error):
        header, lines = [], []
    if "step" not in header or any(len(line) != len(header) or not STEP.fullmatch(line[header.index("step")]) for line in lines):
        raise ModelError(f"{path}: is damaged; move it away to go on without its rows.")
    return [dict(zip(header, line, strict=True)) for line in lines]


class MetricsFile:
    """`metrics.csv`: one row per report; rows after a resumed step are dropped, new columns join.

    Args:
        path: the file.
        step: rows after this step are removed when opening.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.rows = [row for row in read_rows(path) if int(row["step"]) <= step]
        self.columns = list(dict.fromkeys(k for row in self.rows for k in row)) or ["step"]
        self._rewrite()

    def add(self, row: dict[str, float]) -> None:
        """Append a row; a column not seen before is added to the header."""
        text = {k: f"{v:.8g}" for k, v in row.items()}
        self.rows.append(text)
        new = [k for k in text if k not in self.columns]
        if new:
            self.columns += new
            self._rewrite()
            return
        with open(self.path, "a", newline="") as stream:
            csv.DictWriter(stream, self.columns).writerow(text)

    def _rewrite(self) -> None:
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns)
        writer.writeheader()
        writer.writerows(self.rows)
        with replacement(self.path) as stream:
            stream.write(text.getvalue().encode())
