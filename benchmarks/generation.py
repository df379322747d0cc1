"""Speed of simulated decay trees: events per CPU second of one core. Prints JSON.

    python benchmarks/generation.py [--events 51200] [--repeat 5]

Each setting is the best of `repeat` blocks after one that compiles; `reference` is plain numpy,
topology by topology, without shuffling and writing out.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numba
import numpy as np

from pphysml.physics.four_vectors import boost
from pphysml.physics.phase_space import n_body_decay
from pphysml.tasks.lcag.config.simulation import SimulationConfig
from pphysml.tasks.lcag.simulation.simulate import LcagSimulation
from pphysml.tasks.lcag.simulation.topologies import Topology, known_topologies

SETTINGS: dict[str, dict[str, Any]] = {
    "paper, 2-10 leaves": {},
    "2-6 leaves": {"max_leaves": 6},
    "8-18 leaves": {"min_leaves": 8, "max_leaves": 18},
    "unweighted": {"unweight": True},
    "smearing 1 %": {"smearing": 0.01},
    "smearing 1 %, wrong hypothesis 5 %, lost leaves 5 %": {
        "smearing": 0.01, "wrong_hypothesis": 0.05, "lost_leaves": 0.05},
}


def events_per_second(work: Callable[[], object], events: int, repeat: int) -> float:
    work()
    best = float("inf")
    for _ in range(repeat):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return events / best


def reference(topologies: list[Topology], events: int) -> None:
    rng = np.random.default_rng(1)
    n = events // len(topologies)
    for topology in topologies:
        p4 = np.zeros((n, len(topology.parent), 4))
        p4[:, -1, 3] = topology.masses[-1]
        for node in range(len(topology.parent) - 1, topology.n_leaves - 1, -1):
            children = list(topology.children[node])
            masses = topology.masses[children].tolist()
            inside, _ = n_body_decay(float(topology.masses[node]), masses, n, rng)
            p4[:, children] = boost(inside, p4[:, node, None])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=51_200)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    rates = {}
    for name, changes in SETTINGS.items():
        simulation = LcagSimulation(SimulationConfig(**changes), 1)
        rates[name] = events_per_second(
            partial(simulation.block, 0, options.events), options.events, options.repeat)
    topologies = known_topologies(SimulationConfig())
    rates["reference"] = events_per_second(
        partial(reference, topologies, options.events), options.events, options.repeat)
    print(json.dumps({
        "benchmark": "generation", "task": "lcag", "unit": "events per CPU second",
        "events": options.events, "repeat": options.repeat,
        "rates": {name: round(rate) for name, rate in rates.items()},
        "machine": platform.machine(), "python": platform.python_version(),
        "numpy": np.__version__, "numba": numba.__version__,
    }, indent=2))


if __name__ == "__main__":
    main()
