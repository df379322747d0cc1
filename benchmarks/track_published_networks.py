"""Time and memory of the networks published with arXiv:2407.13420, on synthetic frames; prints JSON.

    python benchmarks/track_published_networks.py [--protons 50 100 150] [--repeats 3] [--plain]

Each case runs in a process of its own: memory is the increment of its peak resident size over that after
the imports, one frame of hits and a first call on a small frame. `graph` finds the candidate links and
triplets of a frame, `inference` and `training` (loss and its gradient) begin with them; their memory
includes the graph's. `plain` keeps the encoding of every triplet, as the published code does. CPU
seconds of one thread, the least of some repeats.

Frames: protons of 230 MeV behind 100 mm of water, in the published geometry; the spot is 5.5 mm wide, by
which frames have as many triplets as the published ones (0.47 and 1.6 millions for 100 and 150 protons),
and a third more links.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from pphysml.contract import Batch
from pphysml.io.ragged import Columns, Ragged
from pphysml.tasks.track.config import DataConfig
from pphysml.tasks.track.config.model import ModelConfig
from pphysml.tasks.track.models.continuations import all_triplets, directions
from pphysml.tasks.track.models.graph import candidate_links
from pphysml.tasks.track.models.hit_graph import HitGraph
from pphysml.tasks.track.models.line_graph import LineGraph

NETWORKS = {"line-graph": LineGraph, "hit-graph": HitGraph}
ALPHA, POWER, MASS = 0.0262, 1.736, 938.272  # Bragg-Kleeman in water, mm and MeV
LAYER_Z = np.concatenate([0.2315 + 52.4 * np.arange(2), 104.8 + 3.5815 + 5.5 * np.arange(50)])
WATER = np.concatenate([[1.8, 2.34], np.full(50, 8.2)])
RADIATION_LENGTHS = np.concatenate([[0.005, 0.005], np.full(50, 0.042)])


PUBLISHED_CUTS = DataConfig(max_angle=0.4, max_front_angle=0.2, max_step=None, skip_layers=0)


def frame(protons: int, seed: int, phantom: float = 100.0, spot: float = 5.5) -> Columns:
    """Return one frame of hits; protons lose energy, scatter and end at their range or in nuclear interactions."""
    random = np.random.default_rng(seed)
    remaining = ALPHA * 230.0**POWER * random.normal(1, 0.011, protons)
    place, slope = random.normal(0, spot, (2, protons)), random.normal(0, 0.002, (2, protons))
    scatter(slope, remaining, np.full(protons, phantom / 360.8), random)
    remaining -= phantom
    place += 30 * slope
    hits, before = [], 0.0
    for layer, z in enumerate(LAYER_Z):
        place += (z - before) * slope
        remaining -= WATER[layer]
        remaining[random.random(protons) < 0.001 * WATER[layer]] = -1
        alive = remaining > 0.1
        loss = 0.025 * (remaining[alive] / ALPHA) ** (1 / POWER) / (POWER * remaining[alive])
        hits.append(layer_hits(layer, place[:, alive], np.flatnonzero(alive), loss * random.gamma(20, 0.05, len(loss)), random))
        scatter(slope, remaining, np.full(protons, RADIATION_LENGTHS[layer]), random)
        before = z
    return columns(np.concatenate(hits, 1))


def scatter(slope: np.ndarray, remaining: np.ndarray, lengths: np.ndarray, random: np.random.Generator) -> None:
    """Change the slopes by multiple scattering (Highland)."""
    energy = (np.maximum(remaining, 0.1) / ALPHA) ** (1 / POWER)
    momentum_times_velocity = energy * (energy + 2 * MASS) / (energy + MASS)
    width = 14.1 / momentum_times_velocity * np.sqrt(lengths) * (1 + np.log10(lengths) / 9)
    slope += np.minimum(width, 0.3) * random.normal(size=slope.shape)


def layer_hits(layer: int, place: np.ndarray, proton: np.ndarray, loss: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return layer, x, y, energy and particle of a layer's hits, 2 % of noise among them."""
    noise = random.poisson(0.02 * len(proton))
    x, y = np.concatenate([place, random.normal(0, 15, (2, noise))], 1)
    particle = np.concatenate([proton, np.full(noise, -1)])
    return np.stack([np.full(len(x), layer), x, y, np.concatenate([loss, random.gamma(2, 0.02, noise)]), particle])


def columns(hits: np.ndarray) -> Columns:
    layer, x, y, edep, particle = hits
    values = {"layer": layer.astype(np.int16), "x": x, "y": y, "z": LAYER_Z[layer.astype(int)], "edep": edep, "particle": particle.astype(np.int32),
              "cluster_size": (4.2267 * (edep * 40) ** 0.65 + 0.5).astype(np.int32)}
    offsets = np.array([0, len(layer)])
    return {name: Ragged(v.astype(np.float32) if v.dtype == np.float64 else v, offsets) for name, v in values.items()}


def make_batch(examples: Columns) -> Batch:
    """Return what the networks take."""
    deep, shallow = candidate_links(examples, PUBLISHED_CUTS)
    position = np.stack([examples[name].flat.astype(np.float64) for name in "xyz"], 1)
    triplets = all_triplets(directions(position, deep, shallow), deep, shallow, len(position))
    arrays = {name: examples[name].flat.astype(np.float32) for name in ("x", "y", "z", "edep", "cluster_size")}
    arrays |= {"spot_x": np.zeros(len(arrays["x"]), np.float32), "spot_y": np.zeros(len(arrays["x"]), np.float32)}
    particle = examples["particle"].flat
    arrays |= {"deep": deep, "shallow": shallow, "truth": (particle[deep] == particle[shallow]) & (particle[deep] >= 0)}
    arrays |= {"edge_in": triplets.before, "edge_out": triplets.after, "theta": triplets.angle}
    return {name: torch.from_numpy(values) for name, values in arrays.items()}


def case(name: str, stage: str, protons: int, repeats: int, keep_all: bool) -> dict[str, float]:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    network = NETWORKS[name](ModelConfig()).train(stage == "training")

    def work(examples: Columns) -> Batch:
        batch = make_batch(examples)
        if stage == "graph":
            return batch
        with torch.set_grad_enabled(stage == "training"):
            logits = network.by_propagation(batch) if keep_all else network(batch)
            if stage == "training":
                binary_cross_entropy_with_logits(logits, batch["truth"].float()).backward()
        return batch

    work(frame(10, 0))
    examples = frame(protons, 1)
    before = peak()
    batch = work(examples)
    memory = peak() - before
    return {"hits": len(batch["x"]), "links": len(batch["deep"]), "triplets": len(batch["theta"]),
            "cpu_seconds": round(least(lambda: work(examples), repeats), 4), "memory_mb": round(memory, 1)}


def peak() -> float:
    """Return the largest resident size so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def least(work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protons", type=int, nargs="+", default=[50, 100, 150])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--plain", action="store_true", help="also line-graph with every message in memory (some GB)")
    parser.add_argument("--case", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case:
        name, stage, protons, kept = arguments.case
        json.dump(case(name, stage, int(protons), arguments.repeats, kept == "plain"), sys.stdout)
        return
    report: dict[str, object] = {"torch": torch.__version__}
    for protons in arguments.protons:
        for name, stage, kept in [*((n, s, "") for n in NETWORKS for s in ("graph", "inference", "training")),
                                  *(("line-graph", s, "plain") for s in ("inference", "training") if arguments.plain)]:
            command = [sys.executable, __file__, "--repeats", str(arguments.repeats), "--case", name, stage, str(protons), kept]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            report[f"{name} {kept} {stage} {protons}".replace("  ", " ")] = json.loads(answer)
    json.dump(report, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
