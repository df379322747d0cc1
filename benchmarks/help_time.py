"""Time of `--help` for the program and each of its commands, as JSON.

Run as `python benchmarks/help_time.py [REPEATS]`. Each is a fresh process; `cpu_s` and `wall_s` are
medians over the repeats, `above_bare_cpu_s` is what is more than of `python -c pass`, and `imports` names
those packages among the heavy ones that come in.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from typing import Any

from pphysml.registry import get_task, task_names
from pphysml_cli.main import VERBS

HEAVY = ("torch", "numpy", "scipy", "numba", "uproot", "awkward", "pydantic", "matplotlib", "lightning_fabric", "rich")


def seconds(command: list[str]) -> tuple[float, float]:
    """Return CPU and wall time of a process."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def median(command: list[str], repeats: int) -> dict[str, float]:
    """Return the medians over the repeats."""
    cpu, wall = (statistics.median(times) for times in zip(*(seconds(command) for _ in range(repeats)), strict=True))
    return {"cpu_s": round(cpu, 4), "wall_s": round(wall, 4)}


def imported(arguments: list[str]) -> list[str]:
    """Return the heavy packages that a command imports for its help."""
    code = (f"import sys\nfrom pphysml_cli.main import main\nmain({arguments!r})\n"
            f"print(*(m for m in {HEAVY!r} if m in sys.modules), file=sys.stderr)")
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stderr.split()


def main(repeats: int) -> None:
    bare = median([sys.executable, "-c", "pass"], repeats)
    commands = [[], *([name] for name in [*VERBS, *task_names()])]
    # Verbs that show the flags of a task, too.
    commands += [[verb, name] for verb in ("evaluate", "validate") for name in task_names() if get_task(name).flags(verb)]
    found: dict[str, Any] = {"python -c pass": bare}
    for command in commands:
        arguments = [*command, "--help"]
        times = median([sys.executable, "-m", "pphysml_cli.main", *arguments], repeats)
        above = round(times["cpu_s"] - bare["cpu_s"], 4)
        found[" ".join(["pphysml", *command])] = {**times, "above_bare_cpu_s": above, "imports": imported(arguments)}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
