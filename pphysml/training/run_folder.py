"""The folder of one training: configuration, environment, metrics, checkpoints, weights."""

from __future__ import annotations

import csv
import io
import json
import os
import platform
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .. import __version__
from ..atomic_files import replacement, written
from ..config import Config, dump
from ..errors import ConfigError, ModelError, OutputError

PACKAGES = ("torch", "torch-geometric", "lightning-fabric", "numpy", "uproot", "awkward", "numba", "safetensors", "snntorch")


class RunFolder:
    """Paths of a run, and its creation.

    Holds `config.yaml` (complete), `environment.json`, `inputs.json`, `metrics.csv`,
    `checkpoints/last.pt`, `model.safetensors`, `plots/`.
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

    def create(self, config: Config, inputs: dict[str, Any], force: bool = False) -> None:
        """Make the folder with configuration and environment, before the first step.

        Raises:
            ConfigError: as `check_free`.
            OutputError: it cannot be made.
        """
        self.check_free(force)
        if self.path.is_dir():
            shutil.rmtree(self.path)
        try:
            self.checkpoint.parent.mkdir(parents=True)
            self.config.write_text(dump(config))
            self.environment.write_text(json.dumps(environment(), indent=2) + "\n")
            self.inputs.write_text(json.dumps(inputs, indent=2) + "\n")
        except OSError as error:
            raise OutputError(f"{self.path}: the run folder cannot be made: {error.strerror}.") from None

    def check_free(self, force: bool) -> None:
        """Make sure that a new run may be made here.

        Raises:
            ConfigError: something is there; with `force`, something that is not a run.
            OutputError: nothing can be written there.
        """
        with written(self.path):
            above = next((folder for folder in self.path.absolute().parents if folder.exists()), self.path)
            if not above.is_dir() or not os.access(above, os.W_OK):
                raise OutputError(f"{self.path}: the run folder cannot be made: {above} is no folder that can be written to.")
            if not self.path.exists() or (self.path.is_dir() and not any(self.path.iterdir())):
                return
            if not force:
                raise ConfigError(f"{self.path}: exists; give another --output, --force, or --resume.")
            if not self.config.exists():
                raise ConfigError(f"{self.path}: is not a run folder; --force does not delete it.")

    def check(self) -> None:
        """Make sure that this is a run folder that can be resumed."""
        if not os.path.exists(self.config):
            raise ModelError(f"{self.path}: is not a run folder; it holds no config.yaml that may be read.")


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


class MetricsFile:
    """`metrics.csv`: one row per report; rows after a resumed step are dropped, new columns join.

    Args:
        path: the file.
        step: rows after this step are removed when opening.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        if path.exists():
            with open(path, newline="") as stream:
                rows = [row for row in csv.DictReader(stream) if row.get("step", "").isdigit()]
            self.rows = [row for row in rows if int(row["step"]) <= step]
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
