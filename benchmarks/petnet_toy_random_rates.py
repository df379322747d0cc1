"""Rates of random pairs by line of response in the second, independent simulation; prints a line for each setting.

    python benchmarks/petnet_toy_random_rates.py [--settings NAME ...] [--seed 1]

The settings of petnet_toy_scanners.py: rings and panels, beds, objects that jump or drift, decay and uptake, clocks. Files are read as `pphysml petnet --randoms` reads
them; pairs are all in the window (takeAllGoods, every single opens one), random those of different decays. Lines are the pairs of twelve sectors around the axis
that have another one between them on both sides. Printed: random pairs in all lines, what the rates give over that with its error, and the mean over lines of
the squared difference over the variance, with its error: 1 if nothing but chance is between both.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from math import sqrt
from pathlib import Path

import numpy as np
from petnet_toy_settings import SETTINGS, Setting
from petnet_toy_singles import AXES, Array, simulate, write

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.io.ragged import Columns, ragged  # noqa: E402
from pphysml.progress import Silent  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.tasks.petnet.classical.engine import ClassicalEngine  # noqa: E402
from pphysml.tasks.petnet.coincidences.random_rates import WithRandomRates  # noqa: E402
from pphysml.verbs.engine_choice import Chosen, EngineChoice, choose  # noqa: E402
from pphysml.verbs.examples import Findings, parts  # noqa: E402
from pphysml.verbs.inputs import Inputs  # noqa: E402

SECTORS = 12
LINES = tuple(np.array([(i, j) for i in range(SECTORS) for j in range(i) if min((i - j) % SECTORS, (j - i) % SECTORS) >= 2]).T)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS), metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for name in arguments.settings:
        print(f"{name}: {compared(SETTINGS[name], arguments.seed)}", flush=True)


def compared(setting: Setting, seed: int) -> str:
    """Return how the rates compare with the random pairs, in words."""
    chosen = choose(get_task("petnet"), EngineChoice(engine="classical", overrides=[
        f"apply.window={setting.window:g}", f"apply.energy_window={list(setting.energies)}", "apply.classical.policy=takeAllGoods", "apply.classical.opening=every"]))
    with tempfile.TemporaryDirectory() as folder:
        slices = list(_slices(chosen, write(setting, simulate(setting, seed), Path(folder))))
    engine = WithRandomRates(ClassicalEngine(chosen.config, None, None), chosen.config)
    for examples in slices:
        engine.survey(examples)
    rates, found = engine.rates, np.zeros((SECTORS, SECTORS))
    sector_of = np.zeros(len(rates.index), dtype=np.int64)
    for examples in slices:
        pairs, event, sector = engine(examples), ragged(examples, "event").flat, _sectors(setting, examples)
        sector_of[rates.index.of(examples)] = sector
        first, second = (np.asarray(pairs[name])[event[pairs["first"]] != event[pairs["second"]]] for name in ("first", "second"))
        np.add.at(found, (sector[first], sector[second]), 1)
    shares = np.stack([np.bincount(sector_of, of, SECTORS) for of in rates.shares])
    expected = rates.width * np.einsum("s,si,sj->ij", np.bincount(rates.stretch, rates.squared * rates.duration, len(shares)), shares, shares)[LINES]
    counted = (found + found.T)[LINES]
    seen = expected > 0
    chi2 = ((counted - expected)[seen] ** 2 / expected[seen]).mean()
    ratio = expected.sum() / counted.sum()
    return f"{counted.sum():.0f} random pairs; {ratio:.4f} +- {ratio / sqrt(counted.sum()):.4f}; chi2 {chi2:.2f} +- {sqrt(2 / seen.sum()):.2f}; {len(shares)} stretches"


def _slices(chosen: Chosen, paths: list[Path]) -> Iterator[Columns]:
    task = get_task("petnet")
    reader = Inputs([str(path) for path in paths]).open(task, chosen.config)
    for part in parts(task, chosen, reader, False, Findings(), Silent(), True):
        yield part.examples


def _sectors(setting: Setting, examples: Columns) -> Array:
    """Return the sector around the axis of each single."""
    place = np.stack([ragged(examples, axis).flat for axis in "xyz"]) - np.array(setting.detector.centre)[:, None]
    x, y = (place[AXES[setting.detector.axis].index(k)] for k in (0, 1))
    return np.floor((np.arctan2(y, x) + np.pi) / (2 * np.pi) * SECTORS).astype(np.int64) % SECTORS


if __name__ == "__main__":
    main()
