"""Time of `--help` for the program and each of its commands, as JSON.

Run as `python benchmarks/help_time.py [REPEATS]`; seconds are the smallest of the repeats, for a
fresh process each.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

from pphysml.registry import task_names
from pphysml_cli.main import VERBS


def seconds(arguments: list[str]) -> dict[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "pphysml_cli.main", *arguments], check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"wall_s": round(wall, 4), "cpu_s": round(cpu, 4)}


def main(repeats: int) -> None:
    commands = [[], *([name] for name in [*VERBS, *task_names()])]
    best = {}
    for command in commands:
        runs = [seconds([*command, "--help"]) for _ in range(repeats)]
        best[" ".join(["pphysml", *command])] = {key: min(run[key] for run in runs) for key in runs[0]}
    best["python -c pass"] = _bare(repeats)
    print(json.dumps(best, indent=2))


def _bare(repeats: int) -> dict[str, float]:
    walls = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        walls.append(time.perf_counter() - began)
    return {"wall_s": round(min(walls), 4)}


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
