"""Train the preset `quick` with several seeds, test on separate events; prints JSON.

    python benchmarks/quick_training.py [--seeds 3] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import torch

from pphysml.config import load
from pphysml.registry import get_task
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.evaluate import evaluate
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate
from pphysml.verbs.train import train


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    task = get_task("lcag")
    report = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in range(1, arguments.seeds + 1):
            config = load(task.config_class, task.presets, "quick", [f"training.seed={seed}"])
            wall, cpu = time.perf_counter(), time.process_time()
            train(task, config, output=folder / f"run{seed}", device="cpu")
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            simulate(task, config, folder / "test.root", 20_000, seed=100 + seed, force=True)
            result = evaluate(task, Inputs([str(folder / "test.root")]), EngineChoice(model=str(folder / f"run{seed}"), device="cpu"))
            metrics = {m.name: [m.value, m.value - m.low, m.high - m.value] for m in result["network"].metrics}
            report.append({"seed": seed, "train_seconds": wall, "train_cpu_seconds": cpu, **metrics})
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
