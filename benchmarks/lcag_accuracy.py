"""perfectLCAG of a trained model, beside the references, on separate test events; prints JSON.

    python benchmarks/lcag_accuracy.py                                 shipped weights
    python benchmarks/lcag_accuracy.py --model runs/smeared --set simulation.smearing=0.01

Engines: `network` (exact decoding; its argmax is `perfect_lcag_raw`), `lookup` (leaf masses alone)
and `massline` (the masses given; its width and floor tuned here on other events). Differences are paired.
"""

from __future__ import annotations

import argparse
import json
import sys

import numpy as np

from pphysml.config import build, override
from pphysml.evaluation.comparison import mcnemar, paired_difference
from pphysml.io.ragged import Columns, Ragged, slice_rows
from pphysml.models import choose
from pphysml.registry import get_task
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.data import assemble, dense_matrices
from pphysml.tasks.lcag.massline import MasslineDecoder
from pphysml.tasks.lcag.metrics import LcagEvaluator
from pphysml.tasks.lcag.simulate import LcagSimulation

WIDTHS = (1e-9, 3e-4, 1e-3, 2e-3, 5e-3, 7.5e-3, 1e-2, 1.5e-2, 2e-2)
FLOORS = (1e-6, 1e-4, 1e-2, 5e-2)
TEST_SEED, TUNING_SEED = 5_000_017, 6_000_011


def events(config: LcagConfig, seed: int, n: int) -> Columns:
    examples, _ = assemble(LcagSimulation(config, seed).block(0, n), None, config)
    return examples


def tuned(config: LcagConfig) -> tuple[float, float]:
    """Return the width and floor of the massline with the most perfect trees on 2000 other events."""
    examples = events(config, TUNING_SEED, 2000)
    p4, truth = examples["p4"], examples["lcag"]
    assert isinstance(p4, Ragged) and isinstance(truth, Ragged)
    sizes = [(n, np.flatnonzero(p4.counts == n)) for n in np.unique(p4.counts[p4.counts >= 2])]
    known = sorted({config.simulation.root_mass, *config.simulation.intermediate_masses})

    def perfect(choice: tuple[float, float]) -> int:
        decoder = MasslineDecoder(known, config.simulation.root_mass, *choice)
        right = 0
        for n, rows in sizes:
            found = decoder.decode(p4.take(rows).flat.reshape(len(rows), n, 4)).matrix
            right += int((found == dense_matrices(truth.take(rows), np.full(len(rows), n), n)).all((1, 2)).sum())
        return right

    return max(((width, floor) for width in WIDTHS for floor in FLOORS), key=perfect)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="run folder or weights file; default: the shipped weights")
    parser.add_argument("--set", action="append", default=[], help="options of the test data, simulation.KEY=VALUE")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--engine", action="append", help="default: network, lookup, massline")
    arguments = parser.parse_args()
    task = get_task("lcag")
    base = choose(task, model=arguments.model)
    values = base.config.model_dump()
    for item in arguments.set:
        override(values, item)
    config = build(LcagConfig, values, "the test data")
    examples = events(config, TEST_SEED, arguments.events)
    results, settings = {}, {}
    for name in arguments.engine or ("network", "lookup", "massline"):
        overrides = []
        if name == "massline":
            width, floor = tuned(config)
            overrides = [f"apply.massline.width={width}", f"apply.massline.floor={floor}"]
        engine = choose(task, model=arguments.model, engine=name, overrides=overrides).engine
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
    if {"network", "massline"} <= set(results):
        a, b = (results[k].cases["perfect"] for k in ("network", "massline"))
        difference, test = paired_difference(a, b), mcnemar(a, b)
        report["network minus massline, paired, event mean"] = {
            "difference": difference.value, "error": difference.value - difference.low, "sigma": test.sigma}
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
