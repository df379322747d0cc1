"""Speed of the decoder, and how far the bounded search stays behind it; prints JSON.

    python benchmarks/decoding.py [--events N]

Scores are those of random trees with at most seven generations. For the exact decoder: one for the
true level plus Gaussian noise such that every second matrix is right element by element. For the
search: `signal` for the true level plus Gaussian noise, half of its variance shared by all pairs that
meet at the same node. Speed in events per CPU second of one core. `gap`: score of the exact tree,
or for large events of a search with ten times the rounds, less that of the search, mean over all
events; `worse`: share of events with a gap above 1e-3; `below_truth`: share of events where the true
tree scores higher than the one that was found.
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
from pphysml.tasks.lcag.decode import (
    Decoded,
    decode_exact,
    decode_search,
    log_partition,
    tree_score,
)
from pphysml.tasks.lcag.trees.matrices import parent_to_matrix
from pphysml.tasks.lcag.trees.nested_trees import from_nested

CLASSES = 8
EXACT_LEAVES = 12


def random_trees(rng: np.random.Generator, events: int, n: int) -> Array:
    """Return matrices of random trees, two to five children a node, at most seven generations."""
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


def correlated_scores(rng: np.random.Generator, trees: Array, signal: float) -> Array:
    """Return log-probabilities (B, n, n, C) whose noise is half shared by the pairs of each node."""
    events, n = trees.shape[:2]
    joint = np.where(trees > 0, trees, 255 * (1 - np.eye(n, dtype=np.int64)))
    # A node is known by its lowest leaf and its level; pairs in no common tree share one noise.
    lowest = np.array([(m[:, None, :] <= m[:, :, None]).argmax(-1) for m in joint])
    shared = rng.normal(size=(events, n, CLASSES, CLASSES))
    noise = rng.normal(size=(*trees.shape, CLASSES))
    noise = np.where(np.tri(n, dtype=bool)[..., None], noise, noise.transpose(0, 2, 1, 3))
    noise += shared[np.arange(events)[:, None, None], lowest, trees]
    scores: Array = log_softmax(np.sqrt(0.5) * noise + signal * np.eye(CLASSES)[trees], -1).astype(np.float32)
    return scores


def random_forests(rng: np.random.Generator, events: int, n: int) -> tuple[Array, Array]:
    """Return matrices of two trees each, a fifth of the leaves in neither, and leaf scores (B, n, 2)."""
    inside = n - n // 5
    matrix = np.zeros((events, n, n), dtype=np.uint8)
    for first, last in ((0, inside // 2), (inside // 2, inside)):
        matrix[:, first:last, first:last] = random_trees(rng, events, last - first)
    background = np.arange(n) >= inside
    logits = rng.normal(size=(events, n, 2)) + 3.0 * np.eye(2)[1 - background]
    return matrix, log_softmax(logits, -1).astype(np.float32)


def score(pairs: Array, found: Decoded, leaves: Array | None) -> Array:
    return tree_score(pairs, None, found.matrix, leaf_scores=leaves, background=found.background)


def search(rng: np.random.Generator, n: int, events: int, signal: float, forest: bool) -> dict[str, object]:
    leaves = None
    if forest:
        trees, leaves = random_forests(rng, events, n)
    else:
        trees = random_trees(rng, events, n)
    pairs = correlated_scores(rng, trees, signal)
    alone = ~trees.any(2)
    true = Decoded(trees, alone, np.zeros(events), np.zeros(events))
    truth = score(pairs, true, leaves)
    exact = decode_exact(pairs, leaf_scores=leaves).score if n <= EXACT_LEAVES else None
    upper = np.triu_indices(n, 1)
    found = {}
    for rounds in (1, 4, 16):
        result = decode_search(pairs, rounds, leaf_scores=leaves)
        best = decode_search(pairs, 10 * rounds, leaf_scores=leaves).score if exact is None else exact
        gap = best - result.score
        found[rounds] = {
            "worse": float((gap > 1e-3).mean()), "gap": float(gap.mean()),
            "below_truth": float((result.score < truth - 1e-3).mean()),
            "perfect": float((result.matrix == trees).all((1, 2)).mean()),
            "events_per_s": per_second(
                events, lambda rounds=rounds: decode_search(pairs, rounds, leaf_scores=leaves)),  # type: ignore[misc]
        }
    right = (pairs.argmax(-1) == trees)[:, upper[0], upper[1]]
    return {"argmax_elements": float(right.mean()), "argmax_perfect": float(right.all(1).mean()), "rounds": found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=400)
    events = parser.parse_args().events
    rng = np.random.default_rng(2208)
    report = {
        "events": events,
        "events_per_cpu_s": {n: speed(rng, n, events) for n in (4, 6, 8, 10, 12)},
        "search": {
            f"{n} leaves, {'forest' if forest else 'tree'}, signal {signal}": search(
                rng, n, max(2, events * 32 // n**2) if n > EXACT_LEAVES else events, signal, forest)
            for n in (8, 10, 12, 16, 24, 40, 100) for signal in (2.0, 3.5) for forest in (False, True)
        },
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
