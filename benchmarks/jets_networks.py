"""Jets per CPU second of the networks on constituents, beside weaver-core's where it is installed; prints JSON.

    python benchmarks/jets_networks.py [--batch 128] [--mean 48] [--rounds 3] [--only NAME...] [--whole]

A training step is forward, cross entropy, gradients and AdamW; jets have at most 128 constituents of 17 features, and 10 classes.
Networks of both take turns in each round, and the ratio of a round is of these two; figures are medians. Those of weaver-core are made as in
the published configurations for JetClass (https://github.com/jet-universe/particle_transformer), get jets padded to 128, and cut
batches as they do by themselves: at the length of the longest jet when applied, at a random one while trained, so that some jets lose
constituents; with `--whole` none does. One thread.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pphysml.lazy import load_attribute
from pphysml.tasks.jets.models.networks import NETWORKS
from pphysml.tasks.jets.models.networks.kinematics import points

FEATURES, CLASSES, LONGEST, SPREAD, PION = 17, 10, 128, 20, 0.13957
EDGES = [(16, (64, 64, 64)), (16, (128, 128, 128)), (16, (256, 256, 256))]


@dataclass(frozen=True)
class Jets:
    """Random jets as both kinds of networks take them."""

    packed: tuple[Tensor, Tensor, Tensor]
    padded: tuple[Tensor, Tensor, Tensor, Tensor]
    classes: Tensor

    @classmethod
    def drawn(cls, n: int, mean: float) -> Jets:
        counts = (mean + SPREAD * torch.randn(n)).round().long().clamp(1, LONGEST)
        offsets = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        rows = int(offsets[-1])
        particles = torch.randn(rows, FEATURES)
        pt, eta, phi = torch.randn(rows).add(1).exp(), 0.3 * torch.randn(rows), 0.3 * torch.randn(rows)
        momenta = torch.stack([pt * phi.cos(), pt * phi.sin(), pt * eta.sinh()], -1)
        vectors = torch.cat([momenta, (momenta.square().sum(1, keepdim=True) + PION**2).sqrt()], 1)
        real = torch.arange(LONGEST) < counts[:, None]
        angles = points(vectors, torch.repeat_interleave(counts), n)
        padded = [torch.zeros(n, LONGEST, t.shape[1]).masked_scatter(real[..., None], t).transpose(1, 2).contiguous() for t in (angles, particles, vectors)]
        return cls((particles, vectors, offsets), (*padded, real[:, None]), torch.randint(CLASSES, (n,)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--mean", type=float, default=48, help="constituents of a jet")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="weaver-core trains on all constituents, too")
    parser.add_argument("--only", nargs="+", choices=sorted(NETWORKS), default=list(NETWORKS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(1)
    jets = Jets.drawn(arguments.batch, arguments.mean)
    report: dict[str, Any] = {"batch": arguments.batch, "mean": round(len(jets.packed[0]) / arguments.batch, 2), "torch": torch.__version__}
    for name in arguments.only:
        report[name] = measured(name, jets, arguments.rounds, arguments.whole)
    json.dump(report, sys.stdout, indent=1)
    print()


def measured(name: str, jets: Jets, rounds: int, whole: bool) -> dict[str, float]:
    ours = load_attribute(NETWORKS[name])(FEATURES, CLASSES)
    theirs = of_weaver(name, whole)
    steps = {"ours": step(ours, lambda: ours(*jets.packed), jets.classes)}
    applied = {"ours": applying(ours, lambda: ours(*jets.packed))}
    if theirs is not None:
        network, call = theirs
        steps["weaver"] = step(network, lambda: call(jets), jets.classes)
        applied["weaver"] = applying(network, lambda: call(jets))
    report: dict[str, float] = {"parameters": sum(p.numel() for p in ours.parameters())}
    for what, ways in (("training step", steps), ("applying", applied)):
        found = [{who: seconds(way) for who, way in ways.items()} for _ in range(rounds + 1)][1:]
        for who in ways:
            report[f"{what}, {who}, jets per CPU second"] = round(len(jets.classes) / statistics.median(f[who] for f in found), 1)
        if len(ways) > 1:
            report[f"{what}, ratio"] = round(statistics.median(f["weaver"] / f["ours"] for f in found), 2)
    return report


def of_weaver(name: str, whole: bool) -> tuple[nn.Module, Callable[[Jets], Tensor]] | None:
    """Return the same network of weaver-core, and how it is called."""
    if name not in ("part", "particlenet") or importlib.util.find_spec("weaver") is None:
        return None
    if name == "part":
        network = load_attribute("weaver.nn.model.ParticleTransformer:ParticleTransformer")(FEATURES, num_classes=CLASSES, use_pre_activation_pair=False)
        call: Callable[[Jets], Tensor] = lambda jets: network(jets.padded[1], jets.padded[2], jets.padded[3])  # noqa: E731
    else:
        network = load_attribute("weaver.nn.model.ParticleNet:ParticleNet")(FEATURES, CLASSES, EDGES, [(256, 0.1)], use_fusion=False)
        call = lambda jets: network(jets.padded[0], jets.padded[1], jets.padded[3])  # noqa: E731
    # It begins to cut batches after a few.
    network.trimmer._counter.fill_(network.trimmer.warmup_steps)
    if whole:
        network.trimmer.target = (1.0, 1.0)
    return network, call


def step(network: nn.Module, forward: Callable[[], Tensor], classes: Tensor) -> Callable[[], None]:
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3)

    def run() -> None:
        network.train()
        optimizer.zero_grad()
        cross_entropy(forward(), classes).backward()
        optimizer.step()

    return run


def applying(network: nn.Module, forward: Callable[[], Tensor]) -> Callable[[], None]:
    @torch.no_grad()
    def run() -> None:
        network.eval()
        forward()

    return run


def seconds(run: Callable[[], None]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


if __name__ == "__main__":
    main()
