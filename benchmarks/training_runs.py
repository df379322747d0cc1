"""Trainings by the command line, and the CPU time that they take; for the scripts that compare networks."""

from __future__ import annotations

import csv
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def train(task: str, preset: str, options: Sequence[str], steps: int, seed: int, folder: Path, validations: int, log_every: int) -> float:
    """Train on one thread and return the CPU seconds that it took.

    Args:
        options: settings, "name=value".
        validations: number of them, evenly spread.
        log_every: steps between two lines of the learning curve.
    """
    settings = [*options, f"training.steps={steps}", f"training.warmup_steps={max(1, steps // 20)}",
                f"training.validate_every={max(1, steps // validations)}", f"training.checkpoint_every={steps}", f"training.log_every={log_every}"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "pphysml_cli.main", "train", task, "--preset", preset, "--threads", "1", "-q", "--force",
         "--seed", str(seed), "-o", str(folder), *(part for item in settings for part in ("--set", item))],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def curve(folder: Path, names: Sequence[str]) -> list[dict[str, float]]:
    """Return the validations of a run: step, and the metrics of these names."""
    with open(folder / "metrics.csv", newline="") as stream:
        return [{"step": int(row["step"]), **{name: round(float(row[f"validation_{name}"]), 4) for name in names}}
                for row in csv.DictReader(stream) if row.get(f"validation_{names[0]}")]
