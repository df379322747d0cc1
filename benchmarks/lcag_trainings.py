"""Networks of `lcag` trained for equal CPU time: perfect trees by argmax and by exact decoding; prints JSON.

    python benchmarks/lcag_trainings.py --seconds 600 --seeds 3

Ours and the published networks, each with px, py, pz, E alone and with our invariants, on the preset
`paper`. Every arm gets the same budget of CPU seconds on one thread, and its learning rate from trial
runs of a fifth of the budget. One line per training, with its learning curve. The learning rate falls
to almost nothing, so that a curve that is flat at its end has not converged: only a larger budget shows.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import training_runs

from pphysml.config import load
from pphysml.registry import get_task
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.judging.metrics import LcagEvaluator
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.verbs.engine_choice import EngineChoice, choose

INVARIANTS, FOUR_VECTORS = "model.inputs=invariants", "model.inputs=four-vectors"
PAIRS = "model.clades=false"
OURS, PUBLISHED = (0.002, 0.005), (0.0003, 0.001, 0.003)
ARMS = {
    "transformer, invariants": ("paper", [], OURS),
    "nri, invariants": ("nri", [], OURS),
    "transformer, four-vectors": ("paper", [FOUR_VECTORS, PAIRS], OURS),
    "nri, four-vectors": ("nri", [FOUR_VECTORS, PAIRS], OURS),
    "paper-transformer, four-vectors": ("paper-transformer", [], PUBLISHED),
    "paper-transformer, invariants": ("paper-transformer", [INVARIANTS], PUBLISHED),
    "paper-nri, four-vectors": ("paper-nri", [], PUBLISHED),
    "paper-nri, invariants": ("paper-nri", [INVARIANTS], PUBLISHED),
}
TEST_SEED, TEST_EVENTS = 5_000_017, 4000


def train(preset: str, options: list[str], rate: float, steps: int, seed: int, folder: Path, validations: int = 10) -> float:
    """Train and return the CPU seconds that it took."""
    settings = [*options, f"training.learning_rate={rate}", "training.validation_events=400"]
    return training_runs.train("lcag", preset, settings, steps, seed, folder, validations, 50)


def curve(folder: Path) -> list[dict[str, float]]:
    """Return the validations: step, perfect, perfect by argmax."""
    return training_runs.curve(folder, ("perfect", "perfect_argmax"))


def test(folder: Path) -> dict[str, float]:
    """Return the perfect shares of separate events of the known topologies."""
    task = get_task("lcag")
    config: Any = load(LcagConfig, task.presets, "paper", [])
    examples, _ = assemble(LcagSimulation(config, TEST_SEED).block(0, TEST_EVENTS), None, config)
    evaluator = LcagEvaluator(config)
    evaluator.update(examples, choose(task, EngineChoice(model=str(folder))).engine(examples))
    return {m.name: round(m.value, 4) for m in evaluator.result().metrics if m.name.startswith("perfect_lcag")}


def run_arm(name: str, seconds: float, seeds: int, folder: Path) -> None:
    """Time the arm, try its learning rates, train it for the budget; print a line per training."""
    preset, options, rates = ARMS[name]
    few = 40
    train(preset, options, rates[0], 2, 1, folder, 1)  # compiles what is not yet in the cache
    start = train(preset, options, rates[0], 2, 1, folder, 1)
    per_step = max(1e-4, (train(preset, options, rates[0], 2 + few, 1, folder, 1) - start) / few)
    tried = {}
    for rate in rates:
        train(preset, options, rate, max(10, int(0.2 * seconds / per_step)), 1, folder)
        tried[rate] = curve(folder)[-1]["perfect"]
    rate = max(tried, key=lambda r: tried[r])
    for seed in range(1, seeds + 1):
        spent = train(preset, options, rate, max(10, int(seconds / per_step)), seed, folder)
        points = curve(folder)
        print(json.dumps({
            "arm": name, "seed": seed, "cpu_seconds": round(spent), "steps": points[-1]["step"], "learning_rate": rate,
            "tried": tried, "test": test(folder), "curve": points,
        }), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600, help="CPU seconds of each training")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--arm", action="append", choices=list(ARMS), help="default: all")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        for name in arguments.arm or ARMS:
            run_arm(name, arguments.seconds, arguments.seeds, Path(temporary) / "run")


if __name__ == "__main__":
    main()
