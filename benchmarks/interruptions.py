"""Interrupt the program at drawn moments of its work, and see what is left; prints JSON.

    python benchmarks/interruptions.py [--moments 100] [--seed 1]

A moment is a share of the wall time of a whole run, from the start of the process on, drawn evenly; the signal is drawn too,
KILL half of the time, else TERM, INT or HUP. After each, of what the run should have made:

- `incomplete`: files under a final name that cannot be read, or a folder that lacks one of its files;
- `left`: temporary files after TERM, INT or HUP;
- `unended`: exit codes other than those that the program states, or a traceback;
- `lost`: neither can the same command be given again, nor the training be resumed; or their output differs from that of a
  whole run;
- `stays`: temporary files of a killed run that are still there after the next one.

All five must be 0. `done` counts runs that were complete before the signal came.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from pphysml.model_file import load_model
from pphysml.training.checkpoint import load_state

SMALL = [f"--set={item}" for item in (
    "model.width=16", "model.pair_width=8", "model.blocks=1", "model.heads=2", "model.clade_width=8", "training.steps=30",
    "training.batch_size=32", "training.block_size=500", "training.validation_events=60", "training.validate_every=10",
    "training.checkpoint_every=5", "training.log_every=2", "training.simulated_events=1000")]

WORKS = {
    "train": ["train", "lcag", "--preset", "quick", *SMALL, "--threads", "1", "-o", "run"],
    "apply": ["petnet", "singles.root", "--engine", "classical", "--scanner", "safir", "--set", "apply.block_size=2000", "-o", "out.root"],
    "simulate": ["simulate", "lcag", "--preset", "quick", "-n", "20000", "-o", "out.root"],
    "evaluate": ["evaluate", "petnet", "singles.root", "--engine", "classical", "--scanner", "safir", "-o", "out"],
    "export": ["export", "track", "hits.root", "--format", "pyg", "-o", "out"],
}
"""Commands, in a folder with the inputs."""

ENDED = {signal.SIGINT: {0, 130}, signal.SIGTERM: {0, 143, 75}, signal.SIGHUP: {0, 129, 75}, signal.SIGKILL: {0, -9}}
"""Exit codes after each signal; a run may be complete before."""


@dataclass
class Whole:
    """A run that nothing interrupts: how long it takes, and what it makes."""

    seconds: float
    result: Any


def call(arguments: list[str], folder: Path, number: signal.Signals | None = None, after: float = 0.0) -> tuple[int, str]:
    """Run the program, send it a signal after some seconds, and return its exit code and what it says on stderr."""
    process = subprocess.Popen([sys.executable, "-m", "pphysml_cli.main", *arguments, "-q"], cwd=folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if number is not None:
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(number)
    _, said = process.communicate()
    return process.returncode, said


def result_of(work: str, folder: Path) -> Any:
    """Return what a run has made, None if nothing, and raise an error if it is not complete."""
    output = folder / WORKS[work][-1]
    if not output.exists():
        return None
    if work == "train":
        load_state(output / "checkpoints" / "last.pt")
        for name in ("config.yaml", "inputs.json", "environment.json"):
            assert (output / name).read_text()
        model = output / "model.safetensors"
        return {name: value.tobytes() for name, value in load_model(output).network.items()} if model.exists() else None
    if work in ("evaluate", "export"):
        return sorted((str(path.relative_to(output)), path.stat().st_size > 0) for path in output.rglob("*") if path.is_file())
    if work == "apply":
        assert output.with_suffix(".hroot").read_text()
    with uproot.open(output) as file:
        trees = {name: tree.arrays() for name, tree in file.items() if hasattr(tree, "arrays")}
    return {name: repr(arrays.tolist()) for name, arrays in trees.items()}


def temporary(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.name.endswith((".tmp", ".old")) or path.name.startswith("pphysml-numba-")]


def interrupted(work: str, number: signal.Signals, share: float, whole: Whole, inputs: Path, folder: Path) -> dict[str, Any]:
    """Interrupt a run in a new folder, begin or resume it again, and report what was found."""
    shutil.copytree(inputs, folder)
    code, said = call(WORKS[work], folder, number, share * whole.seconds)
    report: dict[str, Any] = {"work": work, "signal": number.name, "share": round(share, 4), "exit_code": code, "said": said.strip().splitlines()}
    report["unended"] = code not in ENDED[number] or "Traceback" in said
    try:
        made = result_of(work, folder)
        report["incomplete"] = made is not None and work != "train" and made != whole.result
    except Exception as error:
        made, report["incomplete"] = None, repr(error)
    report["done"] = code == 0
    report["left"] = temporary(folder) if number != signal.SIGKILL else []
    again = ["train", "lcag", "--resume", "run", "--threads", "1"] if (folder / "run").exists() else WORKS[work]
    if made is not None:
        again = [*again, "--force"] if "--resume" not in again else again
    code, said = call(again, folder)
    report["lost"] = said if code or result_of(work, folder) != whole.result else False
    report["stays"] = temporary(folder)
    shutil.rmtree(folder)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    data = Path(__file__).parents[1] / "data"
    with tempfile.TemporaryDirectory() as name:
        inputs, folder = Path(name) / "inputs", Path(name) / "work"
        inputs.mkdir()
        shutil.copy(data / "petnet_singles.root", inputs / "singles.root")
        shutil.copy(data / "track_hits.root", inputs / "hits.root")
        os.environ["TMPDIR"] = str(folder)
        wholes = {}
        for work in WORKS:
            shutil.copytree(inputs, folder)
            began = time.monotonic()
            code, said = call(WORKS[work], folder)
            assert code == 0, said
            wholes[work] = Whole(time.monotonic() - began, result_of(work, folder))
            shutil.rmtree(folder)
        reports = []
        for _ in range(options.moments):
            work = str(rng.choice([*WORKS], p=[0.35, 0.25, 0.25, 0.05, 0.1]))
            number = signal.Signals(int(rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP], p=[0.5, 0.2, 0.15, 0.15])))
            reports.append(interrupted(work, number, float(rng.uniform()), wholes[work], inputs, folder))
            print(json.dumps(reports[-1]), file=sys.stderr, flush=True)
    found = ("done", "incomplete", "left", "unended", "lost", "stays")
    json.dump({
        "moments": options.moments, "by_work_and_signal": Counter(f"{r['work']} {r['signal']}" for r in reports),
        "seconds_of_a_whole_run": {work: round(whole.seconds, 1) for work, whole in wholes.items()},
        **{key: sum(bool(r[key]) for r in reports) for key in found},
        "failures": [r for r in reports if any(r[key] for key in found[1:])],
        "shares": [[r["work"], r["signal"], r["share"], r["exit_code"]] for r in reports],
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
