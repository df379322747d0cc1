"""Why tracks of `relay` are not complete, and whether the true ones bend less; prints JSON.

    python benchmarks/track_failures.py [--model RUN] [--geometry dtc] [--phantom 100] [--protons 100] [--frames 48]

Shares of the protons with primary hits, by all that is wrong with them: `swapped`: a hit follows one of another
particle; `cut`: a hit follows none, though it should; `own secondary`, `other particle`: all is right, but behind the
last hit the track goes on; `begins before`: so in front of the first. `true_bend`: for pairs of protons that
have exchanged hits, the sum of their squared deflections within five layers of the exchange, found over true. A
ratio near 1 says that scattering alone cannot tell which is right.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Any

import numpy as np
import torch

from pphysml.config import load
from pphysml.io.ragged import Array, Columns, ragged
from pphysml.physics.directions import angle_between
from pphysml.registry import get_task
from pphysml.tasks.track.simulation.simulate import TrackSimulation
from pphysml.tasks.track.tracks.true_tracks import Hits, true_hits
from pphysml.verbs.engine_choice import EngineChoice, choose

SEED, WINDOW = 7_000_003, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="run folder or weights file; default: the shipped weights")
    parser.add_argument("--geometry", default="dtc")
    parser.add_argument("--phantom", type=float, default=100.0)
    parser.add_argument("--protons", type=int, default=100)
    parser.add_argument("--frames", type=int, default=48)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    task = get_task("track")
    config: Any = load(task.config_class, task.presets, None, [
        f"simulation.geometry={arguments.geometry}", f"simulation.phantoms=[{arguments.phantom}]", f"data.protons_per_frame=[{arguments.protons}]"])
    examples = TrackSimulation(config, SEED).examples(0, arguments.frames)
    engine: Any = choose(task, EngineChoice(model=arguments.model)).engine
    hits, previous = true_hits(examples), engine.links(examples).previous
    json.dump({**vars(arguments), **shares(hits, previous), "true_bend": bend_ratios(examples, hits, previous)}, sys.stdout, indent=1)
    print()


def shares(hits: Hits, previous: Array) -> dict[str, Any]:
    """Return how many protons have primary hits, and the share of each set of faults among them."""
    own = hits.primary & (hits.proton >= 0)
    following, truly = followers(previous), followers(np.where(own, hits.previous, -1))
    wrong = own & (hits.previous >= 0) & (previous != hits.previous)
    behind = own & (truly < 0) & (following >= 0)
    same = hits.proton[following] == hits.proton
    faults = {"swapped": wrong & (previous >= 0), "cut": wrong & (previous < 0), "begins before": own & (hits.previous < 0) & (previous >= 0),
              "own secondary": behind & same, "other particle": behind & ~same}
    of_proton = {name: np.bincount(hits.proton[fault], minlength=hits.n_protons) > 0 for name, fault in faults.items()}
    seen = hits.primary_hits > 0
    found = Counter(" + ".join(name for name, fault in of_proton.items() if fault[p]) for p in np.flatnonzero(seen))
    complete = found.pop("", 0)
    return {"protons": int(seen.sum()), "complete": round(complete / seen.sum(), 4),
            "faults": {name: round(n / seen.sum(), 4) for name, n in found.most_common()}}


def bend_ratios(examples: Columns, hits: Hits, previous: Array) -> dict[str, Any]:
    """Return percentiles of found over true sums of squared deflections of pairs of protons that exchanged hits."""
    own = hits.primary & (hits.proton >= 0)
    layer = ragged(examples, "layer").flat.astype(np.int64)
    true, found = (squared_bends(examples, p) for p in (np.where(own, hits.previous, -1), previous))
    swapped = np.flatnonzero(own & (hits.previous >= 0) & (previous >= 0) & (previous != hits.previous) & own[previous])
    pairs = np.sort(np.stack([hits.proton[swapped], hits.proton[previous[swapped]]], 1), 1)
    _, first = np.unique(pairs, axis=0, return_index=True)
    ratios = []
    for one, other, hit in zip(*pairs[first].T, swapped[first], strict=True):
        near = own & np.isin(hits.proton, (one, other)) & (abs(layer - layer[hit]) <= WINDOW)
        ratios.append(found[near].sum() / true[near].sum())
    return {"pairs": len(ratios), "percentiles_5_25_50_75_95": np.percentile(ratios, [5, 25, 50, 75, 95]).round(2).tolist() if ratios else None,
            "true_is_straighter": round(float(np.mean(np.array(ratios) > 1)), 3) if ratios else None}


def followers(previous: Array) -> Array:
    """Return the hit behind each one, -1 for none."""
    following = np.full(len(previous), -1)
    linked = np.flatnonzero(previous >= 0)
    following[previous[linked]] = linked
    return following


def squared_bends(examples: Columns, previous: Array) -> Array:
    """Return the squared angle between the two links of each hit, rad^2; 0 where there are no two."""
    position = np.stack([ragged(examples, name).flat.astype(np.float64) for name in "xyz"], 1)
    last = np.flatnonzero(previous >= 0)
    last = last[previous[previous[last]] >= 0]
    middle = previous[last]
    square = np.zeros(len(previous))
    square[middle] = angle_between(position[middle] - position[previous[middle]], position[last] - position[middle]) ** 2
    return square


if __name__ == "__main__":
    main()
