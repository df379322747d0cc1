"""Parameters and events per CPU second of every network of `lcag`; prints JSON.

    python benchmarks/lcag_networks.py [--leaves 10] [--batch 64] [--seconds 5] [--defects]

Forward passes and whole training steps (loss, gradients, AdamW) of each preset's network, over
simulated events that all have the same number of leaves. One thread.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from pphysml.config import load
from pphysml.contract import Batch
from pphysml.io.ragged import take
from pphysml.tasks.lcag.config import LcagConfig
from pphysml.tasks.lcag.learner import LcagLearner
from pphysml.tasks.lcag.models.batches import collate
from pphysml.tasks.lcag.models.build import build_network
from pphysml.tasks.lcag.reading.assemble import assemble
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.training.optimisation import make_optimizer

CASES = {
    "transformer": ("paper", []),
    "transformer, pairs only": ("paper", ["model.clades=false"]),
    "nri": ("nri", []),
    "nri, pairs only": ("nri", ["model.clades=false"]),
    "paper-nri": ("paper-nri", []),
    "paper-transformer": ("paper-transformer", []),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leaves", type=int, default=10)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0, help="CPU seconds for each figure")
    parser.add_argument("--defects", action="store_true", help="with the defects of the published code")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    batch = events(arguments.leaves, arguments.batch)
    report: dict[str, Any] = {"leaves": arguments.leaves, "batch": arguments.batch, "torch": torch.__version__}
    # The first case of a process pays for memory that the others find: only a second round is fair.
    for name, (preset, changes) in [*CASES.items(), *CASES.items()]:
        defects = ["model.published_defects=true"] if arguments.defects and preset.startswith("paper-") else []
        config = load(LcagConfig, "pphysml.tasks.lcag.presets", preset, [*changes, *defects])
        found = measure(config, batch, arguments.seconds)
        report[name] = {key: max(value, report.get(name, found)[key]) for key, value in found.items()}
    json.dump(report, sys.stdout, indent=1)
    print()


def events(leaves: int, count: int) -> Batch:
    limits = [f"simulation.min_leaves={leaves}", f"simulation.max_leaves={leaves}", "simulation.n_topologies=20"]
    config = load(LcagConfig, "pphysml.tasks.lcag.presets", None, limits)
    columns, _ = assemble(LcagSimulation(config, 1).block(0, count), None, config)
    return collate(take(columns, np.arange(count)))


def measure(config: LcagConfig, batch: Batch, seconds: float) -> dict[str, float]:
    torch.manual_seed(1)
    network, learner = build_network(config, {}), LcagLearner(config)
    optimizer = make_optimizer(network.parameters(), config.training)

    def forward() -> None:
        with torch.no_grad():
            network(batch["p4"], batch["n_leaves"])

    def step() -> None:
        terms = learner.losses(network, batch)
        torch.stack([t.weight * t.total / t.count for t in terms.values()]).sum().backward()
        nn.utils.clip_grad_norm_(network.parameters(), config.training.gradient_clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    count = len(batch["p4"])
    network.eval()
    passing = count / best(forward, seconds)
    network.train()
    return {"parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
            "forward_events_per_cpu_second": round(passing, 1),
            "training_events_per_cpu_second": round(count / best(step, seconds), 1)}


def best(work: Callable[[], None], seconds: float) -> float:
    """Return the shortest CPU time of one call: other programs on the machine only add to it."""
    work()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    main()
