"""Randoms by a delayed window and by the rates of singles, over those in the prompt pairs by the truth; prints JSON.

    python benchmarks/petnet_randoms.py [--activity 50 150 500] [--randoms 200000] [--offset 100] [--dead-time 50] [--cuts none sectors fov]

Decays of a mouse phantom in `safir` are simulated once, with Lu-176 and without dead time, and placed at random times
of each activity as often as are needed; then modules are dead for 50 ns after every single above 100 keV, and singles
of 391-601 keV are kept. `delayed`: pairs of the window of 500 ps that is later by the offset, in ns, with the same policy and cuts. `rates`: 2 tau S1 S2
over pairs of crystals that pass the cuts. Both over the pairs of different decays among the prompt ones; errors as of
independent counts. Cuts: `sectors`: at least 2 apart; `fov`: lines within 15 mm of the axis, too.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.io.ragged import Columns, Ragged  # noqa: E402
from pphysml.tasks.petnet.classical.sorter import sort_pairs  # noqa: E402
from pphysml.tasks.petnet.config import PetConfig  # noqa: E402
from pphysml.tasks.petnet.config.engines import ClassicalConfig  # noqa: E402
from pphysml.tasks.petnet.judging.singles_rates import SinglesRates  # noqa: E402
from pphysml.tasks.petnet.reading.assemble import within  # noqa: E402
from pphysml.tasks.petnet.simulation.electronics_kernel import alive  # noqa: E402
from pphysml.tasks.petnet.simulation.scanner_simulation import ScannerSimulation  # noqa: E402

Array = NDArray[Any]

CUTS: dict[str, dict[str, Any]] = {"none": {}, "sectors": {"min_sector_difference": 2}, "fov": {"min_sector_difference": 2, "fov_radius": 15.0}}
POLICIES = ("takeAllGoods", "takeWinnerOfGoods", "takeClosestOfGoods", "killAll")
OPENINGS = ("every", "first")
NAMES = ("energy", "x", "y", "z", "rsector_id")
LIBRARY_ACTIVITY = 50.0
WINDOW = 500.0
"""ps"""
MODULES_OF_SECTOR = 3
CHUNK = 20_000_000
"""Decays placed at a time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--activity", type=float, nargs="+", default=[50.0, 150.0, 500.0], help="MBq")
    parser.add_argument("--randoms", type=int, default=200_000, help="least number of random pairs of takeAllGoods, every")
    parser.add_argument("--decays", type=int, default=3_000_000, help="simulated ones")
    parser.add_argument("--offset", type=float, default=100.0, help="ns")
    parser.add_argument("--dead-time", type=float, default=50.0, help="ns")
    parser.add_argument("--cuts", nargs="+", choices=list(CUTS), default=list(CUTS))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    library = Library(arguments.decays, arguments.seed)
    result = {f"{activity:g} MBq": library.measured(activity, arguments.offset, arguments.dead_time, arguments.cuts, arguments.randoms) for activity in arguments.activity}
    json.dump({**vars(arguments), **result}, sys.stdout, indent=1)
    print()


class Library:
    """Decays with their singles, to be placed at any time."""

    def __init__(self, decays: int, seed: int) -> None:
        config = PetConfig.model_validate({"simulation": {"activity": LIBRARY_ACTIVITY, "dead_time": 0.0}})
        source = ScannerSimulation(config.simulation, seed)
        singles = source.singles(0, decays)
        event = np.asarray(singles["event"])
        order = np.lexsort((np.asarray(singles["time"]), event))
        self.singles = {name: np.asarray(singles[name])[order] for name in (*NAMES, "time", "module_id")}
        self.decays, self.per_decay = decays, source.rate / (LIBRARY_ACTIVITY * 1e6)
        _, self.first, self.count = np.unique(event[order], return_index=True, return_counts=True)
        self.singles["time"] -= np.repeat(self.singles["time"][self.first], self.count)
        self.rng = np.random.default_rng(seed)

    def measured(self, activity: float, offset: float, dead_time: float, cuts: list[str], randoms: int) -> dict[str, Any]:
        """Return ratios to the true randoms, for each cut, opening and policy; times in ns."""
        rates = {cut: SinglesRates(PetConfig.model_validate({"data": {"window": WINDOW}, "apply": {"scanner": "safir", "classical": CUTS[cut]}})) for cut in cuts}
        counts: Counter[tuple[str, ...]] = Counter()
        squared, n_singles, duration = 0.0, 0, 0.0
        while counts[cuts[0], "every", "takeAllGoods", "random"] < randoms:
            examples, event, elapsed = self.placed(activity, dead_time)
            n = len(event)
            squared, n_singles, duration = squared + n * (n - 1) / elapsed, n_singles + n, duration + elapsed
            for cut in cuts:
                rates[cut].add(examples, np.ones(n, dtype=bool))
                counts.update(_pairs(examples, event, cut, 1000.0 * offset))
        estimates = {cut: rates[cut].randoms(squared) for cut in cuts}
        return {"singles": n_singles, "Mcps": n_singles / duration / 1e6, **{cut: {
            opening: {policy: _ratios(counts, estimates[cut], (cut, opening, policy)) for policy in POLICIES} for opening in OPENINGS} for cut in cuts}}

    def placed(self, activity: float, dead_time: float) -> tuple[Columns, Array, float]:
        """Return one slice of singles, the decay of each, and how long it takes, s."""
        duration = CHUNK / (activity * 1e6 * self.per_decay)
        decay = self.rng.integers(0, len(self.first), self.rng.binomial(CHUNK, len(self.first) / self.decays))
        begin, count = self.first[decay], self.count[decay]
        event = np.repeat(np.arange(len(decay)), count)
        row = np.arange(len(event)) - np.repeat(np.cumsum(count) - count - begin, count)
        time = np.repeat(self.rng.uniform(0.0, duration, len(decay)), count) + self.singles["time"][row]
        order = np.argsort(time)
        order = order[alive(time[order], self._modules(row[order]), 36, 1e-9 * dead_time)]
        order = order[within(self.singles["energy"][row[order]], (391.0, 601.0))]
        offsets = np.array([0, len(order)])
        columns = {name: Ragged(self.singles[name][row[order]], offsets) for name in NAMES}
        return {**columns, "time": Ragged(time[order], offsets), "n_owned": np.array([len(order)], dtype=np.int32)}, event[order], duration

    def _modules(self, row: Array) -> Array:
        module: Array = self.singles["rsector_id"][row].astype(np.int64) * MODULES_OF_SECTOR + self.singles["module_id"][row]
        return module


def _pairs(examples: Columns, event: Array, cut: str, offset: float) -> Counter[tuple[str, ...]]:
    """Count; the elements of the keys are cut, opening, policy and what."""
    counts: Counter[tuple[str, ...]] = Counter()
    for opening in OPENINGS:
        for policy in POLICIES:
            options = ClassicalConfig.model_validate({**CUTS[cut], "opening": opening, "policy": policy})
            pairs = sort_pairs(examples, options, WINDOW, offset, 12)
            other = event[pairs.first] != event[pairs.second]
            counts[cut, opening, policy, "random"] += int((other & ~pairs.delayed).sum())
            counts[cut, opening, policy, "delayed"] += int(pairs.delayed.sum())
    return counts


def _ratios(counts: Counter[tuple[str, ...]], estimate: float, key: tuple[str, ...]) -> dict[str, float]:
    random, delayed = counts[*key, "random"], counts[*key, "delayed"]
    return {"randoms": random, "delayed": round(delayed / random, 5), "delayed_error": round(delayed / random * sqrt(1 / random + 1 / max(delayed, 1)), 5),
            "rates": round(estimate / random, 5), "rates_error": round(estimate / random / sqrt(random), 5)}


if __name__ == "__main__":
    main()
