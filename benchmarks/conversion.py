"""Speed of checking and converting trees, in matrices per CPU second of one core; prints JSON.

    python benchmarks/conversion.py [--events N]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from pphysml.io.ragged import Ragged
from pphysml.tasks.lcag.trees.matrices import matrix_to_parent, parent_to_matrix
from pphysml.tasks.lcag.trees.nested_trees import from_nested
from pphysml.tasks.lcag.trees.validity import is_valid, is_valid_ragged


def random_parents(rng: np.random.Generator, events: int, n: int) -> Ragged:
    """Return parent arrays of random trees with two to five children a node."""
    parents = []
    for _ in range(events):
        nodes: list[Any] = list(range(n))
        while len(nodes) > 1:
            size = min(int(rng.integers(2, 6)), len(nodes))
            rng.shuffle(nodes)
            nodes = [*nodes[size:], nodes[:size]]
        parents.append(from_nested(nodes[0])[0])
    return Ragged.from_rows(parents)


def per_second(events: int, call: Callable[[], object]) -> float:
    call()
    best = np.inf
    for _ in range(5):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return float(f"{events / best:.3g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    events = parser.parse_args().events
    rng = np.random.default_rng(2208)
    report = {}
    for n in (4, 6, 8, 10, 16):
        parents = random_parents(rng, 2000, n).take(np.arange(events) % 2000)
        counts = np.full(events, n)
        matrices, _ = parent_to_matrix(parents, counts)
        dense = matrices.flat.reshape(events, n, n)
        report[n] = {
            "matrix_to_parent": per_second(events, lambda m=matrices, c=counts: matrix_to_parent(m, c)),  # type: ignore[misc]
            "parent_to_matrix": per_second(events, lambda p=parents, c=counts: parent_to_matrix(p, c)),  # type: ignore[misc]
            "is_valid": per_second(events, lambda d=dense: is_valid(d)),  # type: ignore[misc]
        }
        assert is_valid_ragged(matrices, counts).all()
    print(json.dumps({"events": events, "matrices_per_cpu_s": report}, indent=1))


if __name__ == "__main__":
    main()
