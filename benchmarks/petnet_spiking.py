"""Speed and agreement of spiking networks on lists of events beside snntorch; prints JSON.

    python benchmarks/petnet_spiking.py [--training-steps N] [--batch B] [--threads 1 2]

Samples are those of the published toy (arXiv:2504.06730): 8 rings of 30 crystals, 1000 bins, 10 decays, each photon
seen with 20 %, delays of crystals binomial of mean 10. The network has 240-240-240 neurons, beta 0.95. `random`:
initial weights; `busy`: six times these; `trained`: after steps of Adam at a batch of 64 with the van Rossum
loss, from twice the initial weights and 0.3 times the biases. Times in seconds are the best of the repetitions,
which take turns; torch has one thread, and `ours_2` two for samples; with `--threads 1` they are CPU seconds. A training step is the count loss,
forward and backward. `differing`: spikes that are in one output only. `decoded`: pairs of hits on fresh samples.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.tasks.petnet.models.spiking.decoding import Decoder  # noqa: E402
from pphysml.tasks.petnet.models.spiking.losses import SpikeLoss  # noqa: E402
from pphysml.tasks.petnet.models.spiking.published import opposite_crystals, published_network  # noqa: E402
from pphysml.tasks.petnet.models.spiking.spike_network import SpikeNetwork  # noqa: E402
from pphysml.tasks.petnet.models.spiking.trains import SpikeTrains  # noqa: E402

Array = NDArray[Any]
PER_RING, RINGS, STEPS, SPREAD = 30, 8, 1000, 2
CRYSTALS = PER_RING * RINGS
DELAYS = np.random.default_rng(0).binomial(20, 0.5, CRYSTALS)
PARTNERS = opposite_crystals(PER_RING, RINGS, SPREAD)


def toy(rng: np.random.Generator, samples: int, decays: int = 10, efficiency: float = 0.2) -> tuple[SpikeTrains, SpikeTrains, Array]:
    """Return hits, targets, and the decay of each hit as columns (sample, time, crystal, decay)."""
    n = samples * decays
    sample = np.repeat(np.arange(samples), decays)
    when = rng.integers(DELAYS.max(), STEPS, n)
    first = rng.integers(0, CRYSTALS, n)
    choices = PARTNERS[first]
    second = np.take_along_axis(choices, np.argmax(rng.random(choices.shape) * (choices >= 0), axis=1)[:, None], axis=1)[:, 0]
    seen = rng.random((2, n)) < efficiency
    crystal = np.concatenate([first[seen[0]], second[seen[1]]])
    decay = np.concatenate([np.flatnonzero(seen[0]), np.flatnonzero(seen[1])])
    shape = {"samples": samples, "steps": STEPS, "channels": CRYSTALS}
    hits = np.stack([sample[decay], when[decay] - DELAYS[crystal], crystal, decay])
    both = np.tile(np.flatnonzero(seen.all(0)), 2)
    target = SpikeTrains.from_arrays(sample[both], when[both], np.concatenate([c[seen.all(0)] for c in (first, second)]), **shape)
    return SpikeTrains.from_arrays(*hits[:3], **shape), target, hits


def train(network: torch.nn.Sequential, steps: int) -> None:
    rng, loss = np.random.default_rng(1), SpikeLoss("van_rossum", weight=1.0, tau=20.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, max(steps, 2))
    for _ in range(steps):
        hits, target, _ = toy(rng, 64)
        optimizer.zero_grad()
        terms = loss(SpikeNetwork(network).forward(hits, target, loss.distances), target)
        sum(t.weight * t.total / t.count for t in terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 0.1)
        optimizer.step()
        schedule.step()


def decoded(network: torch.nn.Sequential, samples: int = 2000) -> dict[str, float]:
    """Pairs of hits of the decoded output against those of one decay."""
    hits, target, columns = toy(np.random.default_rng(2), samples)
    with torch.no_grad():
        spikes = SpikeNetwork(network).forward(hits).spikes
    found = Decoder(tolerance=3, before=25, after=2)(tuple(columns[:3]), (spikes.sample, spikes.time, spikes.channel))
    right = int((columns[3][found.first] == columns[3][found.second]).sum())
    true = len(columns[3]) - len(np.unique(columns[3]))
    return {"pair_f1": 2 * right / max(len(found.first) + true, 1), "pairs": len(found.first), "true_pairs": true,
            "output_spikes": len(spikes.time), "target_spikes": len(target.time)}


def snntorch_spikes(network: torch.nn.Sequential, dense: torch.Tensor) -> torch.Tensor:
    membranes = [layer.reset_mem() for layer in network[1::2]]
    found = []
    for row in dense:
        for i in range(len(membranes)):
            row, membranes[i] = network[2 * i + 1](network[2 * i](row), membranes[i])
        found.append(row)
    return torch.stack(found)


def training_step(module: torch.nn.Module, counts: Callable[[], torch.Tensor], target: torch.Tensor) -> list[torch.Tensor]:
    module.zero_grad()
    (((counts() - target) ** 2).mean() / STEPS).backward()
    return [p.grad for p in module.parameters()]


def seconds(calls: dict[str, Callable[[], Any]], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """Return the best time of each call, which take turns."""
    best = {name: np.inf for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            start = clock()
            call()
            best[name] = min(best[name], clock() - start)
    return best


def compare(network: torch.nn.Sequential, batch: int, threads: list[int], repeats: int) -> dict[str, Any]:
    hits, target, _ = toy(np.random.default_rng(3), batch)
    clock = time.process_time if threads == [1] else time.perf_counter
    ours, theirs, dense, counts = SpikeNetwork(network), deepcopy(network), torch.from_numpy(hits.dense()), torch.from_numpy(target.counts())
    with torch.no_grad():
        expected, spikes = snntorch_spikes(theirs, dense).numpy(), ours.forward(hits).spikes
        forward = seconds({"snntorch": lambda: snntorch_spikes(theirs, dense)} | {
            f"ours_{n}": lambda n=n: ours.forward(hits, threads=n) for n in threads}, repeats, clock)
    step = seconds({"snntorch": lambda: training_step(theirs, lambda: snntorch_spikes(theirs, dense).sum(0), counts)} | {
        f"ours_{n}": lambda n=n: training_step(network, lambda: ours.forward(hits, threads=n).counts, counts) for n in threads}, repeats, clock)
    mine = training_step(network, lambda: ours.forward(hits).counts, counts)
    other = training_step(theirs, lambda: snntorch_spikes(theirs, dense).sum(0), counts)
    difference = max(float(torch.linalg.norm(a - b) / torch.linalg.norm(b)) for a, b in zip(mine, other, strict=True))
    return {"hits": len(hits.time), "output_spikes": int(expected.sum()), "differing": int((spikes.dense() != expected).sum()),
            "gradient_difference": difference, "forward_s": forward, "training_step_s": step,
            "forward_speedup": {name: forward["snntorch"] / t for name, t in forward.items() if name != "snntorch"},
            "training_speedup": {name: step["snntorch"] / t for name, t in step.items() if name != "snntorch"}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--training-steps", type=int, default=3000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = {}
    for name, scale, bias_scale in (("random", 1.0, 1.0), ("busy", 6.0, 1.0), ("trained", 2.0, 0.3)):
        torch.manual_seed(0)
        network = published_network((CRYSTALS, 240, CRYSTALS))
        with torch.no_grad():
            for parameter, value in network.named_parameters():
                value.mul_({"weight": scale, "bias": bias_scale, "beta": 1.0}[parameter.split(".")[-1]])
        if name == "trained":
            start = time.perf_counter()
            train(network, options.training_steps)
            result["training"] = {"steps": options.training_steps, "seconds": time.perf_counter() - start}
        result[name] = compare(network, options.batch, options.threads, options.repeats) | {"decoded": decoded(network)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
