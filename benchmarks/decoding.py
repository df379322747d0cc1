"""Speed of the decoder, and how far the bounded search stays behind it; prints JSON.

    python benchmarks/decoding.py [--events N]

Scores are those of random trees with at most eight generations: logits, one for the true level plus
Gaussian noise such that every second matrix, or every fiftieth, is right element by element. Speed in events per CPU
second of one core. `gap`: score of the exact tree less that of the search, mean over all events.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import log_softmax

from pphysml.io.ragged import Array, Ragged
from pphysml.tasks.lcag.decode import decode_exact, decode_search, log_partition, tree_score
from pphysml.tasks.lcag.nested_trees import from_nested
from pphysml.tasks.lcag.trees import parent_to_matrix

CLASSES = 8


def random_trees(rng: np.random.Generator, events: int, n: int) -> Array:
    """Return matrices of random trees, two to five children a node, at most eight generations."""
    trees: list[Array] = []
    while len(trees) < events:
        nodes: list[Any] = list(range(n))
        while len(nodes) > 1:
            size = min(int(rng.integers(2, 6)), len(nodes))
            rng.shuffle(nodes)
            nodes = [*nodes[size:], nodes[:size]]
        parent = Ragged.from_rows([from_nested(nodes[0])[0]])
        matrix = parent_to_matrix(parent, np.array([n]))[0].flat.reshape(n, n)
        if matrix.max() < CLASSES:
            trees.append(matrix)
    return np.array(trees)


def noisy_scores(rng: np.random.Generator, trees: Array, share: float) -> tuple[Array, float]:
    """Return log-probabilities (B, n, n, C), about `share` with the argmax right, and their share."""
    n = trees.shape[1]
    noise = rng.normal(size=(*trees.shape, CLASSES))
    noise[..., 0] = -10.0
    noise = np.where(np.tri(n, dtype=bool)[..., None], noise, noise.transpose(0, 2, 1, 3))
    upper = np.triu_indices(n, 1)
    low, high = 0.0, 50.0
    for _ in range(30):
        margin = 0.5 * (low + high)
        logits = noise + margin * np.eye(CLASSES)[trees]
        right = (logits.argmax(-1) == trees)[:, upper[0], upper[1]].all(-1).mean()
        low, high = (margin, high) if right < share else (low, margin)
    return log_softmax(logits, -1).astype(np.float32), float(right)


def per_second(events: int, call: Callable[[], object]) -> float:
    call()
    best = np.inf
    for _ in range(3):
        began = time.process_time()
        call()
        best = min(best, time.process_time() - began)
    return float(f"{events / best:.3g}")


def speed(rng: np.random.Generator, n: int, events: int) -> dict[str, float]:
    trees = random_trees(rng, events, n)
    pairs, _ = noisy_scores(rng, trees, 0.5)
    clades = rng.normal(size=(events, 1 << n, CLASSES)).astype(np.float32)
    return {
        "best_and_margin": per_second(events, lambda: decode_exact(pairs)),
        "best_and_margin_clades": per_second(events, lambda: decode_exact(pairs, clades)),
        "log_partition": per_second(events, lambda: log_partition(pairs)),
        "log_partition_clades": per_second(events, lambda: log_partition(pairs, clades)),
    }


def search(rng: np.random.Generator, n: int, events: int, share: float) -> dict[str, object]:
    trees = random_trees(rng, events, n)
    pairs, argmax_right = noisy_scores(rng, trees, share)
    exact = decode_exact(pairs)
    widths = {}
    for width in (1, 4, 16, 32, 64):
        found = decode_search(pairs, width)
        gap = exact.score - tree_score(pairs, None, found.matrix)
        widths[width] = {
            "optimal": float((gap < 1e-4).mean()), "gap": float(gap.mean()),
            "perfect": float((found.matrix == trees).all((1, 2)).mean()),
            "events_per_s": per_second(events, lambda width=width: decode_search(pairs, width)),  # type: ignore[misc]
        }
    perfect = float((exact.matrix == trees).all((1, 2)).mean())
    return {"argmax_perfect": argmax_right, "exact_perfect": perfect, "beam_width": widths}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400)
    events = parser.parse_args().events
    rng = np.random.default_rng(2208)
    report = {
        "events": events,
        "events_per_cpu_s": {n: speed(rng, n, events) for n in (4, 6, 8, 10, 12)},
        "search": {
            f"{n} leaves, argmax perfect {share}": search(rng, n, events, share)
            for n in (8, 10, 12) for share in (0.5, 0.02)
        },
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
