"""Sorters with windows and gates, tuned on a sample with truth; for the benchmarks of `petnet`, no script."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from petnet_samples import OFFSET, Sample, f1_of

from pphysml.tasks.petnet.classical.sorter import sort_pairs
from pphysml.tasks.petnet.coincidences.pairs import Pairs
from pphysml.tasks.petnet.config.engines import ClassicalConfig
from pphysml.tasks.petnet.scanner.scanner import load_scanner

Options = dict[str, Any]

FIXED: Options = {"window": 500, "policy": "takeWinnerOfGoods"}

WINDOW: Mapping[str, list[Any]] = {
    "window": [*range(175, 525, 25), 550, 600],
    "policy": ["takeAllGoods", "takeWinnerOfGoods", "takeClosestOfGoods", "killAllIfMultipleGoods", "killAll"],
    "opening": ["first", "every"],
}

GATE: Mapping[str, list[Any]] = {
    **WINDOW,
    "fov_radius": [None, *(0.5 * k for k in range(18, 81))],
    "max_axial_distance": [None, *range(16, 56, 4)],
    "fov_length": [None, 20, 28, 36, 40, 44, 48],
}


COARSE: Mapping[str, list[Any]] = {
    "window": [225, 275, 325, 375], "policy": ["takeClosestOfGoods", "takeWinnerOfGoods", "killAllIfMultipleGoods"],
    "opening": ["first", "every"], "fov_radius": [10.0, 12.5, 15.0, 20.0, 25.0, 30.0],
}
"""Where the search begins: at the best few of all combinations."""

BEST = 3


def sorted_pairs(sample: Sample, options: Options, offset: float = OFFSET) -> Pairs:
    """Return the pairs of a sorter; `window` is in ps, the other options are those of the engine `classical`."""
    rest = {name: value for name, value in options.items() if name != "window"}
    return sort_pairs(sample.examples, ClassicalConfig.model_validate(rest), options["window"], offset, load_scanner("safir").rsectors)


def tuned(sample: Sample, axes: Mapping[str, list[Any]]) -> Options:
    """Return the options of largest F1: from several starts, along one axis after the other, until nothing gets better."""
    names = [name for name in COARSE if name in axes]
    starts = [dict(zip(names, values, strict=True)) for values in product(*(COARSE[name] for name in names))]
    found = [_climbed(sample, axes, start) for start in sorted(starts, key=lambda options: -_f1(sample, options))[:BEST]]
    return max(found, key=lambda pair: pair[1])[0]


def _climbed(sample: Sample, axes: Mapping[str, list[Any]], start: Options) -> tuple[Options, float]:
    best, highest = dict(start), _f1(sample, start)
    changed = True
    while changed:
        changed = False
        for name, values in axes.items():
            for value in _near(values, best.get(name)):
                options = best | {name: value}
                f1 = _f1(sample, options)
                if f1 > highest:
                    best, highest, changed = options, f1, True
    return best, highest


def _near(values: list[Any], value: Any) -> list[Any]:
    """Return the values that are looked at: of numbers those around the present one."""
    if value not in values or value is None or isinstance(value, str):
        return values
    place = values.index(value)
    return values[max(0, place - 3) : place + 4]


def _f1(sample: Sample, options: Options) -> float:
    pairs = sorted_pairs(sample, options, 0.0)
    return f1_of(sample, pairs.first, pairs.second)
