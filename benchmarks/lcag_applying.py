"""Events per CPU second of `pphysml lcag`, ROOT to ROOT, after start-up; prints JSON.

    python benchmarks/lcag_applying.py [--model RUN] [--events 20000] [--profile]

A first, small file pays for imports and compiled code; the second run is measured. One thread.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import tempfile
import time
from pathlib import Path

import torch

from pphysml.config import load
from pphysml.registry import get_task
from pphysml.verbs.apply import apply
from pphysml.verbs.engine_choice import EngineChoice
from pphysml.verbs.inputs import Inputs
from pphysml.verbs.simulate import simulate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="run folder or weights file; default: the shipped weights")
    parser.add_argument("--engine")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--min-leaves", type=int, default=6)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    task = get_task("lcag")
    config = load(task.config_class, task.presets, "paper", [f"simulation.min_leaves={arguments.min_leaves}"])
    with tempfile.TemporaryDirectory() as folder:
        small, large, output = (Path(folder) / name for name in ("small.root", "large.root", "out.root"))
        simulate(task, config, small, 500)
        simulate(task, config, large, arguments.events)
        choice = EngineChoice(arguments.model, arguments.engine, device="cpu")
        apply(task, Inputs([str(small)]), choice, output=output, force=True)
        profile = cProfile.Profile()
        if arguments.profile:
            profile.enable()
        cpu, wall = time.process_time(), time.perf_counter()
        summary = apply(task, Inputs([str(large)]), choice, output=output, force=True)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        profile.disable()
    if arguments.profile:
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    report = {"events": summary["written"], "leaves": f"{arguments.min_leaves} to 10",
              "events_per_cpu_second": summary["written"] / cpu, "events_per_second": summary["written"] / wall}
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
