"""Spiking networks on the toy data of arXiv:2504.06730 beside the classical sorters of petnet_toy.py; prints JSON.

    python benchmarks/petnet_toy_networks.py [--data toy hot] [--networks toy-snn published-snn] [--seeds 3] [--scale 1] [--set KEY=VALUE ...] [--shipped]

Data, samples to test on and F1 are those of petnet_toy.py. Each network is trained anew for each seed, as its preset
says, on simulated samples of the same kind that are in neither set; training is in CPU seconds of one thread,
applying in singles per CPU second. With --shipped the weights that ship are judged instead, on samples of other seeds
than that of their training, 1, and nothing is trained or measured beside.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from petnet_toy import DATA, Pairs, measured, over_seeds, rates, slices  # noqa: E402

from pphysml.config import load  # noqa: E402
from pphysml.io.ragged import Columns, Ragged, length  # noqa: E402
from pphysml.model_file import ModelFile, load_model  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.tasks.petnet.config import PetConfig  # noqa: E402
from pphysml.tasks.petnet.simulation.toy import ToySimulation  # noqa: E402
from pphysml.verbs.engine_choice import find_model  # noqa: E402
from pphysml.verbs.train import train  # noqa: E402

TASK = get_task("petnet")
FIRST_SEED = 1000
"""Of trainings, so that samples are not those of the tests."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=["toy"])
    parser.add_argument("--networks", nargs="+", default=["toy-snn", "published-snn"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="samples over those of petnet_toy.py")
    parser.add_argument("--set", nargs="+", default=[], dest="options", help="options of the presets")
    parser.add_argument("--shipped", action="store_true", help="judge the weights that ship")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = {}
    for name in arguments.data:
        rows = []
        for seed in range(arguments.seeds):
            if arguments.shipped:
                rows.append({network: shipped(network, name, seed + 1, arguments.scale) for network in arguments.networks})
            else:
                networks = {network: trained(network, name, seed, arguments.scale, arguments.options) for network in arguments.networks}
                rows.append({**measured(name, False, seed, arguments.scale), **networks})
            print(json.dumps({"data": name, "seed": seed, **rows[-1]}), file=sys.stderr)
        result[name] = over_seeds(rows)
    json.dump({"seeds": arguments.seeds, **result}, sys.stdout, indent=1)
    print()


def trained(preset: str, name: str, seed: int, scale: float, options: list[str]) -> dict[str, float]:
    """Return rates and speed of one network for one seed."""
    config = configuration(preset, name, [f"training.seed={FIRST_SEED + seed}", *options])
    with tempfile.TemporaryDirectory() as folder:
        start = time.process_time()
        summary = train(TASK, config, output=Path(folder) / "run", device="cpu")
        seconds = time.process_time() - start
        model = load_model(Path(summary["model"]))
    return {**judged(model, config, name, seed, scale), "training_s": seconds, "parameters": summary["parameters"]}


def shipped(preset: str, name: str, seed: int, scale: float) -> dict[str, float]:
    """Return rates and speed of the weights that ship for one seed of the samples to test on."""
    path = find_model(TASK, preset)
    assert path is not None
    return judged(load_model(path), configuration(preset, name, []), name, seed, scale)


def configuration(preset: str, name: str, options: list[str]) -> PetConfig:
    toy = DATA[name][0]
    more = [f"simulation.toy.{key}={value}" for key, value in toy.items()] + [f"data.scanner={toy.get('scanner', 'toy-240')}"]
    found: PetConfig = load(PetConfig, TASK.presets, preset, [*more, *options])
    return found


def judged(model: ModelFile, config: PetConfig, name: str, seed: int, scale: float) -> dict[str, float]:
    """Return rates and speed of weights on the samples to test on."""
    engine, samples = TASK.engine("snn", config, model, torch.device("cpu")), DATA[name][2]
    block = ToySimulation(config.simulation.toy, 2 * seed + 1).block(0, int(config.simulation.toy.activity * samples * scale))
    examples = slices(block, config)
    engine(slices(ToySimulation(config.simulation.toy, 1).block(0, 1000), config))
    start = time.process_time()
    found = engine(examples)
    per_second = length(block) / (time.process_time() - start)
    return {**rates(block, in_block(examples, found)), "singles_per_s": per_second}


def in_block(examples: Columns, found: Columns) -> Pairs:
    """Return pairs as entries of the block that slices were made of."""
    entry = examples["single_entry"]
    assert isinstance(entry, Ragged)
    return entry.flat[found["first"]], entry.flat[found["second"]]


if __name__ == "__main__":
    main()
