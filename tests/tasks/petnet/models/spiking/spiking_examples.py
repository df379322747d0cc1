"""Small spiking networks and trains, and networks stepped in snntorch by hand."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import torch

from pphysml.tasks.petnet.models.spiking.published import published_network
from pphysml.tasks.petnet.models.spiking.spike_network import SpikeNetwork
from pphysml.tasks.petnet.models.spiking.trains import SpikeTrains

GRID = 2.0**-10


def random_trains(seed, *, samples=3, steps=60, channels=12, events=200):
    rng = np.random.default_rng(seed)
    return SpikeTrains.from_arrays(*(rng.integers(0, n, events) for n in (samples, steps, channels)),
                                   samples=samples, steps=steps, channels=channels)


def network(seed, sizes, scale=3.0):
    """A busy network whose weights are multiples of GRID, so that sums of them have no rounding in any order."""
    torch.manual_seed(seed)
    made = published_network(sizes, beta=0.9)
    with torch.no_grad():
        for name, p in made.named_parameters():
            if name.endswith("weight"):
                p.copy_(torch.round(scale * p / GRID) * GRID)
            elif name.endswith("bias"):
                p.copy_(torch.round(p / GRID) * GRID)
    return made


def run(module, trains, target=None, distances=(), threads=1):
    return SpikeNetwork(module).forward(trains, target, distances, threads)


def dense_spikes(theirs, trains):
    """Spikes of snntorch, (T, B, C), bin by bin, with membranes that the caller keeps."""
    membranes = [layer.reset_mem() for layer in theirs[1::2]]
    found = []
    for row in torch.from_numpy(trains.dense()):
        for i in range(len(membranes)):
            row, membranes[i] = theirs[2 * i + 1](theirs[2 * i](row), membranes[i])
        found.append(row)
    for layer in theirs[1::2]:
        layer.reset_mem()
    return torch.stack(found)


def readme_code(word):
    """Return the block of Python in the README that has a word."""
    readme = Path(__file__).parents[5] / "README.md"
    block, = (code for code in re.findall(r"```python\n(.*?)```", readme.read_text(), re.DOTALL) if word in code)
    return block
