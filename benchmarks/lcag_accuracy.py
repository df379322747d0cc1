"""perfectLCAG of a trained model, beside the references, on separate test events; prints JSON.

    python benchmarks/lcag_accuracy.py                                 shipped weights
    python benchmarks/lcag_accuracy.py --model runs/smeared --set simulation.smearing=0.01
    python benchmarks/lcag_accuracy.py --model detector --set simulation.topologies=unknown

Engines: `network` (exact decoding; its argmax is `perfect_lcag_raw`), `lookup` (leaf masses alone)
and `massline` (the masses given; its options tuned here on other events). Differences are paired.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from pphysml.config import build, override
from pphysml.evaluation.comparison import mcnemar, paired_difference
from pphysml.io.ragged import Columns, Ragged, slice_rows, take
from pphysml.registry import get_task
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.judging.metrics import LcagEvaluator
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.verbs.engine_choice import EngineChoice, choose

WIDTHS = (1e-9, 3e-4, 1e-3, 2e-3, 5e-3, 7.5e-3, 1e-2, 1.5e-2, 2e-2)
FLOORS = (1e-6, 1e-4, 1e-2, 5e-2, 0.1)
OTHERS = {"outliers": (0.0, 0.02, 0.05, 0.1, 0.2), "node": (-3.0, -2.0, -1.0, -0.5, 0.0, 0.5), "background": (0.02, 0.05, 0.1, 0.2)}
TEST_SEED, TUNING_SEED = 5_000_017, 6_000_011


def events(config: LcagConfig, seed: int, n: int) -> Columns:
    examples, _ = assemble(LcagSimulation(config, seed).block(0, n), None, config)
    return examples


def tuned(config: LcagConfig) -> dict[str, Any]:
    """Return the options of the massline, given the simulation's masses, with the most perfect trees on 2000 other events.

    Width and floor on a grid; the others one after the other, twice.
    """
    examples = events(config, TUNING_SEED, 2000)
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    examples = take(examples, p4.counts <= 12)
    task = get_task("lcag")
    simulated = {"masses": config.simulation.intermediate_masses, "root_mass": config.simulation.root_mass}

    def perfect(choice: dict[str, float]) -> int:
        values = config.model_dump()
        values["apply"]["massline"].update(choice | simulated)
        return int(task.engine("massline", build(LcagConfig, values, "tuning"), None, None)(examples)["perfect"].sum())

    grid = [{"width": width, "floor": floor, "at_rest": True} for width in WIDTHS for floor in FLOORS]
    best = max(grid, key=perfect)
    for name, values in 2 * list(OTHERS.items()):
        if config.data.forest or name != "background":
            best = max(({**best, name: value} for value in values), key=perfect)
    return best | simulated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="run folder or weights file; default: the shipped weights")
    parser.add_argument("--set", action="append", default=[], help="options of the test data, simulation.KEY=VALUE")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--engine", action="append", help="default: network, lookup, massline")
    arguments = parser.parse_args()
    task = get_task("lcag")
    base = choose(task, EngineChoice(model=arguments.model))
    values = base.config.model_dump()
    for item in arguments.set:
        override(values, item)
    config = build(LcagConfig, values, "the test data")
    examples = events(config, TEST_SEED, arguments.events)
    results, settings = {}, {}
    for name in arguments.engine or ("network", "lookup", "massline"):
        overrides = []
        if name == "massline":
            overrides = [f"apply.massline.{key}={json.dumps(value)}" for key, value in tuned(config).items()]
        engine = choose(task, EngineChoice(model=arguments.model, engine=name, overrides=overrides)).engine
        evaluator = LcagEvaluator(config)
        for start in range(0, arguments.events, 5000):
            part = slice_rows(examples, start, start + 5000)
            evaluator.update(part, engine(part))
        results[name] = evaluator.result()
        settings[name] = overrides
    report = {
        "data": arguments.set, "events": arguments.events, "settings": settings,
        "engines": {
            name: {m.name: [m.value, m.value - m.low, m.high - m.value] for m in result.metrics}
            for name, result in results.items()
        },
    }
    for other in {"lookup", "massline"} & set(results) if "network" in results else ():
        a, b = (results[k].cases["perfect"] for k in ("network", other))
        difference, test = paired_difference(a, b), mcnemar(a, b)
        report[f"network minus {other}, paired, event mean"] = {
            "difference": difference.value, "error": difference.value - difference.low, "sigma": test.sigma}
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
