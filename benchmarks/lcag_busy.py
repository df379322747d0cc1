"""Trees found in crowded events, by a trained model and by the greedy combiner, tuned; prints JSON.

    python benchmarks/lcag_busy.py --model runs/busy [--events 4000] [--tuning-events 1000]

Test events are of the model's own simulation, with another seed; the combiner is tuned on yet others,
for the largest share of right trees among true and found ones. A tree is right with exactly the
leaves and levels of a true one.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import time
from typing import Any

import numpy as np
import torch

from pphysml.config import build
from pphysml.evaluation.comparison import mcnemar, paired_difference
from pphysml.io.ragged import Columns, Ragged, slice_rows
from pphysml.registry import get_task
from pphysml.tasks.lcag.classical.combiner import CombinerEngine
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.judging.forest_metrics import (
    Forests,
    compare_forests,
    efficiency_against_purity,
    forest_metrics,
)
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.verbs.engine_choice import EngineChoice, choose

TEST_SEED, TUNING_SEED = 5_000_017, 6_000_011
GRID: dict[str, tuple[Any, ...]] = {
    "order": ("score", "mass", "leaves", "chi2"),
    "width": (0.01, 0.015, 0.02, 0.03),
    "window": (1.5, 2.0, 3.0),
    "max_angle": (180.0, 90.0, 60.0, 45.0, 30.0),
}
FINER: dict[str, tuple[Any, ...]] = {"floor": (1e-3, 0.1), "keep_partial": (False, True), "window": (1.0, 2.5, 4.0)}
CUTS = 200


def events(config: LcagConfig, seed: int, n: int) -> Columns:
    examples, _ = assemble(LcagSimulation(config, seed).block(0, n), None, config)
    return examples


def with_options(config: LcagConfig, options: dict[str, Any]) -> LcagConfig:
    values = config.model_dump()
    values["apply"]["combiner"].update(options)
    return build(LcagConfig, values, "the combiner")


def tuned(config: LcagConfig, examples: Columns) -> dict[str, Any]:
    """Return the best options: of a grid, then one after the other."""
    simulated = config.simulation
    known = {"max_children": simulated.max_children, "masses": simulated.intermediate_masses, "root_mass": simulated.root_mass}

    def quality(options: dict[str, Any]) -> float:
        found = compare_forests(examples, CombinerEngine(with_options(config, options), None, None)(examples))
        return float(2 * found.right.sum() / (found.true.sum() + found.found.sum()))

    choices = [{**known, **dict(zip(GRID, values, strict=True))} for values in itertools.product(*GRID.values())]
    best = max(choices, key=quality)
    for name, values in FINER.items():
        best = max([best, *({**best, name: value} for value in values)], key=quality)
    return best


def at_purity(forests: Forests, purity: float) -> float | None:
    """Return the largest efficiency of a cut on the confidence that leaves this purity, interpolated."""
    rows = efficiency_against_purity([forests], CUTS)
    reached = []
    for a, b in itertools.pairwise(rows):
        low, high = sorted((a["purity"], b["purity"]))
        if low <= purity <= high:
            share = 0.0 if a["purity"] == b["purity"] else (purity - a["purity"]) / (b["purity"] - a["purity"])
            reached.append(a["efficiency"] + share * (b["efficiency"] - a["efficiency"]))
    reached += [row["efficiency"] for row in rows if row["purity"] >= purity]
    return max(reached, default=None)


def applied(engine: Any, examples: Columns, n: int) -> tuple[Forests, dict[str, Any]]:
    engine(slice_rows(examples, 0, 10))
    started = time.process_time()
    columns = engine(examples)
    seconds = (time.process_time() - started) / n
    forests, perfect = compare_forests(examples, columns), np.asarray(columns["perfect"])
    report: dict[str, Any] = {m.name: [m.value, m.value - m.low, m.high - m.value] for m in forest_metrics([forests])}
    report |= {"perfect_events": float(perfect.mean()), "perfect_trees_per_event": float(forests.right.mean()),
               "cpu_ms_per_event": 1e3 * seconds, "efficiency_against_purity": efficiency_against_purity([forests])}
    return forests, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="run folder or weights file")
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--tuning-events", type=int, default=1000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = choose(get_task("lcag"), EngineChoice(model=arguments.model))
    config = chosen.config
    options = tuned(config, events(config, TUNING_SEED, arguments.tuning_events))
    examples = events(config, TEST_SEED, arguments.events)
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    engines = {"network": chosen.engine, "combiner": CombinerEngine(with_options(config, options), None, None)}
    results = {name: applied(engine, examples, arguments.events) for name, engine in engines.items()}
    forests = {name: found for name, (found, _) in results.items()}
    equal = {}
    for name, found in forests.items():
        purity = float(found.right.sum() / max(1, found.found.sum()))
        equal[f"at the purity of the {name}"] = {
            "purity": purity, **{other: at_purity(f, purity) for other, f in forests.items()}}
    every = [f.right == f.true for f in forests.values()]
    difference, test = paired_difference(*every), mcnemar(*every)
    json.dump({
        "events": arguments.events, "leaves": np.quantile(p4.counts, [0, 0.01, 0.5, 0.99, 1]).tolist(),
        "combiner": options, "engines": {name: report for name, (_, report) in results.items()},
        "efficiency at equal purity": equal,
        "all trees found, network minus combiner, paired": {
            "difference": difference.value, "error": difference.value - difference.low, "sigma": test.sigma},
    }, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
