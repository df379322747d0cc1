"""Networks of `track` trained for equal CPU time in one harness; keeps the run folders, prints JSON.

    python benchmarks/track_trainings.py -o runs/compared --seconds 3600
    python benchmarks/track_trainings.py -o runs/compared --arm line-graph --data 100

Arms: ours (`relay`), and the published `line-graph` (predict then track), `line-graph-assignment`
(predict and track) and `hit-graph`, each with its preset, on geometry `dtc` with three phantoms; data:
25 to 200 protons in a frame (`mixed`), or 100 only. All have the same frames in a step, which are fewer
than the 32 of the published trainings, the same averaging of weights, and one thread. Every training
gets the same budget of CPU seconds for its steps (validations come on top), and its learning rate from
trial runs of a part of the budget. The rate falls to almost nothing, so that a flat end of a curve does
not mean that it has converged: `of_published_frames`, the frames seen over those of the published
training, tells how far it is from that.

One line per training, with its learning curve (complete tracks over beam particles with hits, on
validation frames of its own data). Trainings that are in the folder already are left out. Then:

    python benchmarks/track_accuracy.py --simulation --model ours=runs/compared/relay-mixed-1 ...
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import training_runs

MIXED, ONE = [25, 50, 75, 100, 125, 150, 175, 200], [100]
DATA = {"mixed": MIXED, "100": ONE}
COMMON = ["simulation.geometry=dtc", "simulation.phantoms=[100,150,200]", "simulation.further_geometries={}",
          "training.average=0.998", "training.block_size=8", "training.window_blocks=4", "training.bucket_batches=4"]
SHORT = ["training.validation_events=1"]


@dataclass(frozen=True)
class Arm:
    """A preset, the learning rates that are tried, and the frames of its published training."""

    preset: str
    rates: tuple[float, ...]
    published_frames: int | None = None


ARMS = {
    "relay": Arm("mixed", (0.006, 0.003)),
    "line-graph": Arm("line-graph", (0.001, 0.003), 10_000 * 32),
    "line-graph-assignment": Arm("line-graph-assignment", (0.001, 0.003), 10_000 * 32),
    "hit-graph": Arm("hit-graph", (0.001, 0.003), 30_000 * 32),
}


def train(preset: str, options: list[str], steps: int, seed: int, folder: Path, validations: int = 10) -> float:
    """Train and return the CPU seconds that it took."""
    return training_runs.train("track", preset, options, steps, seed, folder, validations, max(1, steps // 20))


def seconds_per_step(preset: str, options: list[str], least: float, folder: Path) -> float:
    """Return the CPU seconds of a step, the making of its frames included.

    They are those of the second half of a short training, which is repeated with twice the steps until that
    half takes `least` seconds: the start does not count, and `relay` gets faster once it knows hopeless links.
    """
    steps, first = 16, train(preset, options + SHORT, 8, 1, folder, 1)
    while (spent := (both := train(preset, options + SHORT, steps, 1, folder, 1)) - first) < least:
        steps, first = 2 * steps, both
    return spent / (steps / 2)


def curve(folder: Path) -> list[dict[str, float]]:
    """Return the validations: step, complete tracks, right links."""
    return training_runs.curve(folder, ("complete", "links"))


def best_rate(arm: Arm, options: list[str], steps: int, folder: Path) -> tuple[float, dict[float, float]]:
    """Return the learning rate with the most complete tracks at the end of a trial run, and all that were tried."""
    if len(arm.rates) == 1 or not steps:
        return arm.rates[0], {}
    tried = {}
    for rate in arm.rates:
        train(arm.preset, [*options, f"training.learning_rate={rate}"], steps, 1, folder)
        tried[rate] = curve(folder)[-1]["complete"]
    return max(tried, key=lambda r: tried[r]), tried


def run_arm(name: str, data: str, arguments: argparse.Namespace) -> None:
    """Time the arm, try its learning rates, train it for the budget; print a line per training."""
    arm, trial = ARMS[name], arguments.output / f".trial-{name}-{data}"
    folders = {seed: arguments.output / f"{name}-{data}-{seed}" for seed in range(1, arguments.seeds + 1)}
    missing = {seed: folder for seed, folder in folders.items() if not (folder / "model.safetensors").exists()}
    if not missing:
        return
    options = [*COMMON, f"data.protons_per_frame={DATA[data]}", f"training.batch_size={arguments.batch}",
               f"training.validation_events={arguments.validation_frames}"]
    per_step = seconds_per_step(arm.preset, options, min(20.0, 0.05 * arguments.seconds), trial)
    rate, tried = best_rate(arm, options, int(arguments.trial_share * arguments.seconds / per_step), trial)
    steps = max(2, int(arguments.seconds / per_step))
    for seed, folder in missing.items():
        spent = train(arm.preset, [*options, f"training.learning_rate={rate}"], steps, seed, folder)
        report: dict[str, Any] = {
            "arm": name, "data": data, "seed": seed, "run": str(folder), "budget_seconds": arguments.seconds, "cpu_seconds": round(spent),
            "steps": steps, "batch": arguments.batch, "frames": steps * arguments.batch, "steps_per_cpu_second": round(1 / per_step, 3),
            "learning_rate": rate, "tried": tried, "curve": curve(folder)}
        if arm.published_frames:
            report["of_published_frames"] = round(steps * arguments.batch / arm.published_frames, 4)
        print(json.dumps(report), flush=True)
    shutil.rmtree(trial)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder of the run folders")
    parser.add_argument("--seconds", type=float, default=600, help="CPU seconds of the steps of each training")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--arm", action="append", choices=list(ARMS), help="default: all")
    parser.add_argument("--data", action="append", choices=list(DATA), help="default: both")
    parser.add_argument("--batch", type=int, default=4, help="frames per step")
    parser.add_argument("--validation-frames", type=int, default=24)
    parser.add_argument("--trial-share", type=float, default=0.2, help="of the budget, for each learning rate; 0: the first one, untried")
    arguments = parser.parse_args()
    for name in arguments.arm or ARMS:
        for data in arguments.data or DATA:
            run_arm(name, data, arguments)


if __name__ == "__main__":
    main()
