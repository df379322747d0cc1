"""Speed and memory of `petnet --engine classical` from ROOT to ROOT, beside a short script in pandas; prints JSON.

    python benchmarks/petnet_classical_speed.py [--singles 10000000] [--repeats 3] [--basket 500000] [--half]
    python benchmarks/petnet_classical_speed.py --engine likelihood --file SINGLES.root

A file of singles is made: 20 million a second, a fifth of them of pairs, in a ring of 24 sectors, with 17 branches of GATE's names and types,
zlib of level 1, and so many entries in a basket (GATE writes about 8000). The command and the script (`pip install pandas`; without it, the
same in numpy) are run in turn as programs of their own, start-up included. Of each the least CPU seconds, wall seconds and largest memory are
reported, of the CPU seconds also the median ratio of two runs in turn, and how many pairs both have. The script reads 8 branches and takes
pairs of neighbours in time; the command reads all, and takes what its defaults are. `--half` does the same with half of the singles too, by which
start-up and memory that grows are seen. Of another engine, `--engine`, the same is measured; `--file` takes singles of GATE's names in the place
of those made here, which are of no object.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import uproot

WINDOW = 500
RATE = 20e6
SECTORS = 24
PART = 500_000
"""Singles made at a time."""
COMMAND = [str(Path(sys.executable).with_name("pphysml")), "petnet"]

SCRIPT = """
import sys, numpy as np, pandas as pd, uproot
names = ["eventID", "time", "energy", "globalPosX", "globalPosY", "globalPosZ", "rsectorID", "crystalID"]
singles = pd.DataFrame(uproot.open(sys.argv[1])["Singles"].arrays(names, library="np"))
singles = singles[(singles.energy >= 0.391) & (singles.energy <= 0.601)].sort_values("time", kind="stable")
near = np.append(singles.time.diff().to_numpy()[1:] <= 500e-12, False)
first = np.flatnonzero(near & ~np.append(False, near[:-1]))
one, two = singles.iloc[first], singles.iloc[first + 1]
pairs = {f"{name}{k}": table[name].to_numpy() for name in names for k, table in ((1, one), (2, two))}
with uproot.recreate(sys.argv[2]) as file:
    file.mktree("Coincidences", {name: values.dtype for name, values in pairs.items()})
    file["Coincidences"].extend(pairs)
"""

IN_NUMPY = SCRIPT.replace(", pandas as pd", "").replace("pd.DataFrame", "").replace(
    'singles = singles[(singles.energy >= 0.391) & (singles.energy <= 0.601)].sort_values("time", kind="stable")',
    'kept = (singles["energy"] >= 0.391) & (singles["energy"] <= 0.601)\norder = np.argsort(singles["time"][kept], kind="stable")\n'
    "singles = {name: values[kept][order] for name, values in singles.items()}").replace(
    "singles.time.diff().to_numpy()[1:]", 'np.diff(singles["time"])').replace(
    "one, two = singles.iloc[first], singles.iloc[first + 1]", "one, two = ({n: v[at] for n, v in singles.items()} for at in (first, first + 1))").replace(
    "table[name].to_numpy()", "table[name]")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--singles", type=int, default=10_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--basket", type=int, default=PART)
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--engine", choices=["classical", "likelihood"], default="classical")
    parser.add_argument("--file", type=Path, help="singles to read")
    options = parser.parse_args()
    if options.half and options.file:
        parser.error("--half is of singles that are made here")
    with tempfile.TemporaryDirectory() as folder:
        result = measured(Path(folder), options.file or made(Path(folder), options.singles, options.basket), options.repeats, options.engine)
        if options.half:
            result["half"] = measured(Path(folder), made(Path(folder), options.singles // 2, options.basket), options.repeats, options.engine)
    print(json.dumps(result, indent=1))


def made(folder: Path, n: int, basket: int) -> Path:
    path = folder / "singles.root"
    write_singles(path, n, basket)
    return path


def measured(folder: Path, source: Path, repeats: int, engine: str) -> dict[str, Any]:
    ours, theirs = folder / "ours.root", folder / "theirs.root"
    with uproot.open(source) as file:
        n = file["Singles"].num_entries
    script = SCRIPT if has_pandas() else IN_NUMPY
    commands = {
        "pphysml": [*COMMAND, str(source), "-q", "--force", "--engine", engine, "--window", f"{WINDOW}ps", "-o", str(ours)],
        "script": [sys.executable, "-c", script, str(source), str(theirs)],
    }
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
    run(commands["pphysml"])  # compiles
    for _ in range(repeats):
        for name, command in commands.items():
            runs[name].append(run(command))
    result: dict[str, Any] = {"engine": engine, "singles": n, "script_in": "pandas" if script == SCRIPT else "numpy", "file_MB": source.stat().st_size / 1e6}
    for name, path in (("pphysml", ours), ("script", theirs)):
        best = {key: min(one[key] for one in runs[name]) for key in ("cpu_s", "wall_s", "peak_MB")}
        with uproot.open(path) as file:
            tree = file["Coincidences"]
            result[name] = {**best, "M_singles_per_cpu_s": n / best["cpu_s"] / 1e6, "pairs": tree.num_entries, "branches": len(tree.keys())}
    result["pairs_in_both"] = len(np.intersect1d(*(_numbers(path) for path in (ours, theirs))))
    result["cpu_ratio"] = float(np.median([a["cpu_s"] / b["cpu_s"] for a, b in zip(runs["script"], runs["pphysml"], strict=True)]))
    return result


def run(command: list[str]) -> dict[str, float]:
    """Return CPU and wall seconds and the largest memory of a program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = os.times().elapsed
    # A program of its own in between, since the largest memory is that of all children so far.
    watched = ("import resource, subprocess, sys; done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL); "
               "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(done.returncode)")
    done = subprocess.run([sys.executable, "-S", "-c", watched, *command], check=True, capture_output=True, text=True)
    wall, after = os.times().elapsed - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, "wall_s": wall, "peak_MB": int(done.stdout.split()[-1]) / 1024}


def has_pandas() -> bool:
    return subprocess.run([sys.executable, "-c", "import pandas"], capture_output=True).returncode == 0


def write_singles(path: Path, n: int, basket: int = PART) -> None:
    """Write singles in the order of time, made in parts, each with a random state of its own."""
    with uproot.recreate(path, compression=uproot.ZLIB(1)) as file:
        for part in range(-(-n // PART)):
            columns = singles(part, min(PART, n - part * PART), part * PART)
            if part == 0:
                file.mktree("Singles", {name: values.dtype for name, values in columns.items()})
            for start in range(0, PART, basket):
                file["Singles"].extend({name: values[start : start + basket] for name, values in columns.items()})


def singles(seed: int, n: int, before: int) -> dict[str, Any]:
    """Return the singles of a stretch of time, a fifth of them in pairs with opposite positions."""
    rng = np.random.default_rng(seed)
    paired = n // 10
    time = np.sort(rng.uniform(0, n / RATE, n - paired))
    other = np.sort(rng.choice(n - paired, paired, replace=False))
    time = np.append(time, time[other] + np.abs(rng.normal(0, 100e-12, paired)))
    event = np.append(np.arange(n - paired), other) + before
    angle = rng.uniform(0, 2 * np.pi, n - paired)
    angle = np.append(angle, angle[other] + np.pi + rng.normal(0, 0.1, paired)) % (2 * np.pi)
    order = np.argsort(time, kind="stable")
    time, event, angle = time[order], event[order], angle[order]
    crystal = (angle * 360 / (2 * np.pi)).astype(np.int32)
    return {
        "runID": np.zeros(n, np.int32), "eventID": event.astype(np.int32), "sourceID": np.zeros(n, np.int32),
        **{f"sourcePos{axis}": rng.normal(0, 5, n).astype(np.float32) for axis in "XYZ"},
        "time": time + before / RATE, "energy": (0.511 + rng.normal(0, 0.05, n)).astype(np.float32),
        "globalPosX": (60 * np.cos(angle)).astype(np.float32), "globalPosY": (60 * np.sin(angle)).astype(np.float32), "globalPosZ": rng.uniform(-50, 50, n).astype(np.float32),
        "gantryID": np.zeros(n, np.int32), "rsectorID": crystal // (360 // SECTORS), "moduleID": np.zeros(n, np.int32), "crystalID": crystal % (360 // SECTORS),
        "comptonPhantom": rng.poisson(0.2, n).astype(np.int32), "RayleighPhantom": np.zeros(n, np.int32),
    }


def _numbers(path: Path) -> Any:
    with uproot.open(path) as file:
        event = file["Coincidences"].arrays(["eventID1", "eventID2"], library="np")
    return event["eventID1"].astype(np.int64) << 32 | event["eventID2"].astype(np.int64)


if __name__ == "__main__":
    main()
