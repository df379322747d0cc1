"""Pairs in the toy data of arXiv:2504.06730, made anew: the published sorter and calibrated ones; prints JSON.

    python benchmarks/petnet_toy.py [--data toy toy-20 safir hot] [--seeds 3] [--scale 1]

Samples of 1000 bins, delays of crystals binomial (20, 1/2), no jitter. `toy`: 240 crystals, 10 decays, photons seen
with 20 %; `toy-20`: 20 and 14.1 %; `hot`: 200 and 14.1 %; `safir`: 2880 crystals, 5 and 14.1 %, delays (50, 1/2), partners
up to 3 from the opposite crystal. `ids`: `correct`, or
`public`, the formula of the public program, which gives many crystals one number, so that no geometry is left. F1 of pairs: right ones are of
one decay; mean and standard deviation over seeds, each with other samples to learn from and to test on.

- published: groups of hits, each at most 8 bins behind the one before; those of exactly two are pairs.
- published, tuned: the best width on the samples to learn from, with their truth.
- gate: the engine `classical` with the field of view from which the toy's decays come, the closest pair of a window,
  and the window tuned in the same way.
- calibrated: the engine with `calibrate_delays` on the samples to learn from, without their truth; a window of half
  a bin, of two hits exactly.
- calibrated + gate: with the field of view, too, and the closest pair.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.io.ragged import Columns, Ragged, concatenate, length  # noqa: E402
from pphysml.tasks.petnet.classical.engine import ClassicalEngine  # noqa: E402
from pphysml.tasks.petnet.coincidences.lines_of_response import lines_between  # noqa: E402
from pphysml.tasks.petnet.config import PetConfig  # noqa: E402
from pphysml.tasks.petnet.config.simulation import ToyConfig  # noqa: E402
from pphysml.tasks.petnet.reading.assemble import assemble  # noqa: E402
from pphysml.tasks.petnet.scanner.scanner import load_scanner  # noqa: E402
from pphysml.tasks.petnet.simulation.toy import ToySimulation  # noqa: E402

Array = NDArray[Any]
Pairs = tuple[Array, Array]

DATA: dict[str, tuple[dict[str, Any], int, int]] = {
    "toy": ({"activity": 10, "efficiency": 0.2}, 36_000, 4000),
    "toy-20": ({"activity": 20, "efficiency": 0.141}, 36_000, 4000),
    "safir": ({"scanner": "toy-2880", "activity": 5, "efficiency": 0.141, "spread": 3, "delay_max": 50, "delay_mean": 25}, 400_000, 40_000),
    "hot": ({"activity": 200, "efficiency": 0.141}, 36_000, 4000),
}
"""Options of the toy, and samples to learn from and to test on."""

PUBLISHED_WIDTH = 8
WIDTHS = range(1, 19)
BIN, HALF_BIN = 1000, 500
"""ps"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=list(DATA))
    parser.add_argument("--ids", nargs="+", choices=["correct", "public"], default=["correct", "public"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="samples over those of the table")
    arguments = parser.parse_args()
    result = {f"{name}, {ids} ids": over_seeds([measured(name, ids == "public", seed, arguments.scale) for seed in range(arguments.seeds)])
              for name in arguments.data for ids in arguments.ids}
    json.dump({"seeds": arguments.seeds, **result}, sys.stdout, indent=1)
    print()


def measured(name: str, public: bool, seed: int, scale: float = 1.0) -> dict[str, Any]:
    """Return precision, recall and F1 of every method for one seed."""
    options, *samples = DATA[name]
    toy = ToyConfig(**options, published_ids=public)
    train, test = (ToySimulation(toy, 2 * seed + i).block(0, int(toy.activity * n * scale)) for i, n in enumerate(samples))

    def tuned(method: Any) -> int:
        return max(WIDTHS, key=lambda width: rates(train, method(width, train))["f1"])

    width, max_delay = tuned(published_sorter), toy.delay_max * BIN
    result = {"hits": length(test), "width": width, "published": rates(test, published_sorter(PUBLISHED_WIDTH, test)),
              "published, tuned": rates(test, published_sorter(width, test)),
              "calibrated": rates(test, engine_pairs({"policy": "killAll"}, HALF_BIN, test, train, max_delay))}
    if public:
        return result
    gate = {"policy": "takeClosestOfGoods", **field_of_view(toy)}

    def gated(width: int, block: Columns) -> Pairs:
        return engine_pairs(gate, width * BIN, block)

    width = tuned(gated)
    return {**result, "width, gate": width, "gate": rates(test, gated(width, test)),
            "calibrated + gate": rates(test, engine_pairs(gate, HALF_BIN, test, train, max_delay))}


def published_sorter(width: int, block: Columns) -> Pairs:
    """Return the pairs of the published sorter; widths in bins."""
    time = np.rint(np.asarray(block["time"]) * 1e9)
    starts = np.flatnonzero(np.append(True, np.diff(time) > width))
    two = starts[np.diff(np.append(starts, len(time))) == 2]
    return two, two + 1


def field_of_view(toy: ToyConfig) -> dict[str, float]:
    """Return the field of view of the lines between crystals that the toy may pair."""
    scanner = load_scanner(toy.scanner)
    around = scanner.crystals_per_ring
    place, offset = np.meshgrid(np.arange(around), np.arange(-toy.spread, toy.spread))
    lines = lines_between(*(scanner.centre(p.ravel() % around) for p in (place, place + around // 2 + offset)))
    return {"fov_radius": 1.001 * float(np.abs(lines.s).max()), "fov_length": 1.001 * toy.spread * scanner.crystal_pitch[1]}


def engine_pairs(options: dict[str, Any], window: int, block: Columns, train: Columns | None = None, max_delay: int = 0) -> Pairs:
    """Return the pairs of the engine `classical`, which learns delays from `train` if that is given; times in ps."""
    config = PetConfig.model_validate({"data": {"window": window, "max_delay": max_delay, "energy_window": None},
                                       "apply": {"survey_singles": 10**9, "calibrate_delays": train is not None, "classical": options}})
    engine = ClassicalEngine(config, None, None)
    if train is not None:
        engine.survey(slices(train, config))
    examples = slices(block, config)
    pairs = engine(examples)
    entry = examples["single_entry"]
    assert isinstance(entry, Ragged)
    return entry.flat[pairs["first"]], entry.flat[pairs["second"]]


def slices(block: Columns, config: PetConfig) -> Columns:
    n = length(block)
    made, carry = assemble({**block, "file": np.zeros(n, dtype=np.int32), "entry": np.arange(n)}, None, config)
    parts = [made]
    while carry is not None:
        made, carry = assemble(None, carry, config)
        parts.append(made)
    return concatenate([part for part in parts if part])


def rates(block: Columns, pairs: Pairs) -> dict[str, float]:
    """Return precision, recall and F1; a decay is to be found if both photons were seen."""
    event = np.asarray(block["event"])
    right = int((event[pairs[0]] == event[pairs[1]]).sum())
    true = int((np.unique(event, return_counts=True)[1] == 2).sum())
    return {"precision": right / max(len(pairs[0]), 1), "recall": right / max(true, 1), "f1": 2 * right / max(len(pairs[0]) + true, 1)}


def over_seeds(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means and standard deviations of numbers that dictionaries hold."""
    joined: dict[str, Any] = {}
    for name, value in results[0].items():
        values = [result[name] for result in results]
        if isinstance(value, dict):
            joined[name] = over_seeds(values)
        else:
            joined[name] = {"mean": round(float(np.mean(values)), 5), "sd": round(float(np.std(values, ddof=1)), 5) if len(values) > 1 else None}
    return joined


if __name__ == "__main__":
    main()
