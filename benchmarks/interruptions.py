"""Interrupt a training at several moments, resume it, and compare its weights; prints JSON.

    python benchmarks/interruptions.py [--moments 3]

Every interrupted training must end with exactly the weights of the uninterrupted one.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from pphysml.model_file import load_model

STEPS = 300
OPTIONS = ["--preset", "quick", "--threads", "1", "--set", f"training.steps={STEPS}", "--set", "training.checkpoint_every=40",
           "--set", "training.validate_every=100", "--set", "training.log_every=5", "--set", "training.validation_events=200"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pphysml_cli.main", "train", "lcag", *arguments]


def interrupt(run: Path, number: signal.Signals, step: int) -> int:
    """Start a training, send it a signal when metrics.csv reports `step`, and return its exit code."""
    process = subprocess.Popen(command(*OPTIONS, "-o", str(run)), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    metrics = run / "metrics.csv"
    while process.poll() is None:
        text = metrics.read_text().splitlines() if metrics.exists() else []
        reported = [int(line.split(",")[0]) for line in text[1:] if line.split(",")[0].isdigit()]
        if reported and max(reported) >= step:
            process.send_signal(number)
            break
    return process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moments", type=int, default=3)
    moments = np.linspace(10, STEPS - 30, parser.parse_args().moments).astype(int)
    report = []
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole"
        subprocess.run(command(*OPTIONS, "-o", str(whole)), check=True, capture_output=True)
        expected = load_model(whole).network
        for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL):
            for step in moments:
                run = Path(folder) / f"{number.name}-{step}"
                code = interrupt(run, number, int(step))
                subprocess.run(command("--resume", str(run), "--threads", "1"), check=True, capture_output=True)
                found = load_model(run).network
                same = all(np.array_equal(found[k], v) for k, v in expected.items())
                report.append({"signal": number.name, "after_step": int(step), "exit_code": code, "same_weights": same})
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
