"""Random pairs by line of response: the rates of singles and delayed pairs against the true ones; prints JSON.

    python benchmarks/petnet_random_rates.py [--activity 500] [--halvings 2] [--randoms 200000] [--dead-time 50]

The decays of petnet_randoms.py are placed at random times of an activity that falls by half from one stretch of time to the next. Lines are the
pairs of modules of `safir`, 36 of 120 crystals, whose sectors are two apart at least; pairs are those of all singles within 500 ps (takeAllGoods, every single
opens a window). For each estimate of the random pairs in a line: `sum` over the true ones, with its error; `chi2` is the mean over lines of the squared
difference from the true ones over the variance of both, which is that of the true ones alone where the estimate has hardly any. `rates`: 2 tau S1 S2 by
crystals and times; `delayed`: counted; `mean`: by the mean rates of the whole measurement, as if nothing had changed.
"""

from __future__ import annotations

import argparse
import json
import sys
from math import sqrt
from typing import Any

import numpy as np
from petnet_randoms import MODULES_OF_SECTOR, WINDOW, Array, Library

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.io.ragged import Columns, Ragged  # noqa: E402
from pphysml.tasks.petnet.classical.sorter import sort_pairs  # noqa: E402
from pphysml.tasks.petnet.coincidences.crystal_rates import (  # noqa: E402
    CrystalRates,
    RandomRates,
)
from pphysml.tasks.petnet.config.engines import ClassicalConfig  # noqa: E402
from pphysml.tasks.petnet.scanner.crystals import scanner_crystals  # noqa: E402
from pphysml.tasks.petnet.scanner.scanner import Scanner, load_scanner  # noqa: E402

MODULES = 12 * MODULES_OF_SECTOR
SLICE = 4096
LINES = tuple(np.array([(i, j) for i in range(MODULES) for j in range(i) if min((i // MODULES_OF_SECTOR - j // MODULES_OF_SECTOR) % 12, (j // MODULES_OF_SECTOR - i // MODULES_OF_SECTOR) % 12) >= 2]).T)
ALL = ClassicalConfig.model_validate({"policy": "takeAllGoods", "opening": "every"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--activity", type=float, default=500.0, help="MBq")
    parser.add_argument("--halvings", type=int, default=2)
    parser.add_argument("--randoms", type=int, default=200_000, help="least number of true random pairs")
    parser.add_argument("--decays", type=int, default=3_000_000, help="simulated ones")
    parser.add_argument("--offset", type=float, default=100.0, help="ns")
    parser.add_argument("--dead-time", type=float, default=50.0, help="of a module, ns")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    json.dump({**vars(arguments), **measured(arguments)}, sys.stdout, indent=1)
    print()


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Return how the estimates compare with the true random pairs."""
    scanner = load_scanner("safir")
    library, rates = Library(options.decays, options.seed), CrystalRates(scanner)
    true, delayed = np.zeros((MODULES, MODULES)), np.zeros((MODULES, MODULES))
    start, n_slices, k = 0.0, 0, 0
    while true.sum() < options.randoms:
        examples, event, elapsed = library.placed(options.activity / 2 ** (k % (options.halvings + 1)), options.dead_time)
        pairs, module = sort_pairs(examples, ALL, WINDOW, 1000.0 * options.offset, 12), _modules(scanner, scanner_crystals(examples, scanner))
        random = (event[pairs.first] != event[pairs.second]) & ~pairs.delayed
        for table, chosen in ((true, random), (delayed, pairs.delayed)):
            np.add.at(table, (module[pairs.first[chosen]], module[pairs.second[chosen]]), 1)
        slices = _in_slices(examples, start, n_slices)
        rates.add(slices)
        start, n_slices, k = start + elapsed, n_slices + len(slices["slice"]), k + 1
    found = rates.random_rates(2 * WINDOW + 1)
    crystal = _crystals(scanner, found)
    estimates = {"rates": _by_lines(found, _modules(scanner, crystal)), "delayed": delayed + delayed.T, "mean": _by_mean(found, _modules(scanner, crystal))}
    counts = true + true.T
    return {"stretches": len(found.shares), "lines": len(LINES[0]), "in a line": round(counts[LINES].mean(), 1),
            **{name: _judged(estimate[LINES], counts[LINES], name == "delayed") for name, estimate in estimates.items()}}


def _in_slices(examples: Columns, start: float, number: int) -> Columns:
    """Return singles of one long slice as short ones."""
    n = len(examples["time"].flat)
    offsets = np.append(np.arange(0, n - SLICE // 2, SLICE), n)
    count = len(offsets) - 1
    columns: Columns = {name: Ragged(examples[name].flat, offsets) for name in ("x", "y", "z")}
    return {**columns, "time": Ragged(examples["time"].flat + start, offsets), "n_owned": np.diff(offsets).astype(np.int32),
            "segment": np.zeros(count, dtype=np.int64), "slice": number + np.arange(count)}


def _modules(scanner: Scanner, crystal: Array) -> Array:
    ids = scanner.ids_of(crystal)
    return np.asarray(ids["rsector_id"]).astype(np.int64) * MODULES_OF_SECTOR + np.asarray(ids["module_id"])


def _crystals(scanner: Scanner, found: RandomRates) -> Array:
    """Return the crystal of the scanner that each number of the index is."""
    x, y, z = scanner.centre(np.arange(scanner.n_crystals)).T
    number = found.index.of({name: Ragged(values, np.array([0, len(values)])) for name, values in zip("xyz", (x, y, z), strict=True)})
    crystal = np.empty(len(found.index), dtype=np.int64)
    crystal[number[number >= 0]] = np.flatnonzero(number >= 0)
    return crystal


def _by_lines(found: RandomRates, module: Array) -> Array:
    """Return the random pairs of each pair of modules, (M, M)."""
    shares = np.stack([np.bincount(module, share, MODULES) for share in found.shares])
    pairs_of_all = found.width * np.bincount(found.stretch, found.squared * found.duration, len(shares))
    return np.einsum("s,si,sj->ij", pairs_of_all, shares, shares)


def _by_mean(found: RandomRates, module: Array) -> Array:
    singles = np.bincount(found.stretch, np.sqrt(found.squared) * found.duration, len(found.shares))
    n = np.bincount(module, singles @ found.shares, MODULES)
    return found.width * np.outer(n, n) / found.duration.sum()


def _judged(estimate: Array, true: Array, counted: bool) -> dict[str, float]:
    ratio = estimate.sum() / true.sum()
    error = ratio * sqrt(1 / true.sum() + (1 / estimate.sum() if counted else 0.0))
    chi2 = ((estimate - true) ** 2 / (estimate + (true if counted else 0.0))).mean()
    return {"sum": round(ratio, 5), "error": round(error, 5), "chi2": round(chi2, 3), "chi2_error": round(sqrt(2 / len(true)), 3)}


if __name__ == "__main__":
    main()
