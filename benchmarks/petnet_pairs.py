"""Methods that find coincidences, on the same simulated singles of a scanner; prints JSON, and a table to stderr.

    python benchmarks/petnet_pairs.py [--model RUN] [--scale 1] [--activities 50 150 500] [--objects mouse rat ...]

SAFIR-I with the mouse phantom of NEMA NU 4, its rat phantom, the mouse 18 mm off the axis, and hot rods of 1 to
5 mm in a cylinder as wide as the rat. What needs truth is tuned on the mouse, at each activity by itself.

- window: the closed default, 500 ps and the largest energy. window, tuned: window, policy and opening.
- gate: with a field of view, tuned too; gate, this object: with the truth of the very sample it is tested on.
- tables: likelihood ratios in tables, see petnet_tables.py; tables, this object: with the truth of the same object
  and another seed. Both kinds of `this object` are references that nobody has for a measurement.
- likelihood: the engine as it comes, without any truth, which surveys the first two million singles of the same measurement (another
  seed than the sample's); `unscattered`: with that target; with a number: a survey of so many singles.
- pairs: the network of --model on top, for both targets. perfect: every target.

Figures are means and standard deviations over seeds. Differences to `gate` and `tables` are of the slices of all
seeds together, resampled in pairs: value, error and the ratio of both. Judging window: 1000 ps for all.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from pphysml.compiled_cache import use_user_cache
from pphysml.verbs.engine_choice import EngineChoice

use_user_cache()

from petnet_samples import (  # noqa: E402
    OBJECTS,
    OFFSET,
    Outcome,
    Sample,
    figures_of,
    judged,
    perfect,
    simulated,
)
from petnet_sorters import FIXED, GATE, sorted_pairs, tuned  # noqa: E402
from petnet_sorters import WINDOW as WINDOW_ONLY  # noqa: E402
from petnet_tables import Tables, found_by, tuned_tables  # noqa: E402

from pphysml.io.ragged import Array, slice_rows  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.tasks.petnet.coincidences.pairs import Pairs  # noqa: E402
from pphysml.verbs.engine_choice import choose  # noqa: E402

DECAYS = {"mouse": 6_000_000, "rat": 10_000_000, "mouse off centre": 6_000_000, "hot rods": 8_000_000}
LEARNING_DECAYS = 16_000_000
"""From which gate and tables learn, and of the measurement that the engine surveys."""

LEARNING_SEED, TEST_SEED, SURVEY_SEED = 8_000_009, 9_000_011, 7_000_003
FEW = 200_000
"""Singles of a short survey."""

REPLICAS = 1000
PIECE = 32
"""Slices that an engine surveys at a time."""

BASELINES = ("gate", "tables")
LINES = ("necr", "necr_2r", "image_bias", "image_distortion")

Method = Callable[[Sample, Sample], Pairs]
"""From a sample and another one of the same measurement, which may be surveyed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="run folder or weights file for the engine `pairs`")
    parser.add_argument("--objects", nargs="+", choices=list(OBJECTS), default=list(OBJECTS))
    parser.add_argument("--activities", nargs="+", type=float, default=[50, 150, 500], help="MBq")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="decays over those of the table")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    began, cells = time.process_time(), []
    for activity in arguments.activities:
        options, methods = learned(activity, arguments)
        for name in arguments.objects:
            cell = {"object": name, "MBq": activity, "tuned": options, **measured(name, activity, methods, arguments)}
            print(shown(cell), file=sys.stderr, flush=True)
            cells.append(cell)
    json.dump({**vars(arguments), "cpu_seconds": round(time.process_time() - began), "cells": cells}, sys.stdout, indent=1)
    print()


def learned(activity: float, arguments: argparse.Namespace) -> tuple[dict[str, Any], dict[str, Method]]:
    """Return what was tuned on the mouse, and the methods that are the same for all objects."""
    sample = simulated("mouse", activity, LEARNING_SEED, round(LEARNING_DECAYS * arguments.scale))
    window, gate = tuned(sample, WINDOW_ONLY), tuned(sample, GATE)
    tables, f1 = tuned_tables(sample)
    methods: dict[str, Method] = {
        "window": partial(by_sorter, FIXED), "window, tuned": partial(by_sorter, window),
        "gate": partial(by_sorter, gate), "tables": partial(by_tables, tables),
        "likelihood": partial(by_engine, "likelihood", None, []), f"likelihood, {FEW}": partial(by_engine, "likelihood", None, [f"apply.survey_singles={FEW}"]),
        "likelihood, unscattered": partial(by_engine, "likelihood", None, ["apply.target=unscattered"]),
    }
    if arguments.model:
        methods["pairs"] = partial(by_engine, "pairs", arguments.model, [])
        methods["pairs, unscattered"] = partial(by_engine, "pairs", arguments.model, ["apply.target=unscattered"])
    options = {"singles": sample.singles, "targets": len(sample.targets), "window": window, "gate": gate, "tables": {**described(tables), "f1": f1}}
    return options, methods | {"perfect": lambda sample, _: perfect(sample)}


def described(tables: Tables) -> dict[str, Any]:
    return {**tables.shape._asdict(), "shift": round(tables.shift, 2), "threshold": round(tables.threshold, 2)}


def by_sorter(options: Any, sample: Sample, survey: Sample) -> Pairs:
    return sorted_pairs(sample, options)


def by_tables(tables: Tables, sample: Sample, survey: Sample) -> Pairs:
    return found_by(tables, sample.examples)


def by_engine(name: str, model: str | None, settings: list[str], sample: Sample, survey: Sample) -> Pairs:
    """Return the pairs of an engine that surveys the other sample."""
    settings = [f"apply.offset={OFFSET}", *settings]
    if model is None:
        settings.append(f"apply.window={sample.config.window}")
    engine: Any = choose(get_task("petnet"), EngineChoice(engine=name, model=model, overrides=settings, device="cpu")).engine
    n, start = len(np.asarray(survey.examples["n_owned"])), 0
    while start < n and engine.survey(slice_rows(survey.examples, start, min(start + PIECE, n))):
        start += PIECE
    return Pairs.of(engine(sample.examples))


def measured(name: str, activity: float, methods: dict[str, Method], arguments: argparse.Namespace) -> dict[str, Any]:
    """Return all figures of an object at an activity."""
    decays = round(DECAYS[name] * arguments.scale)
    samples = [simulated(name, activity, TEST_SEED + k, decays) for k in range(arguments.seeds)]
    gate = tuned(samples[0], GATE)
    own = [tuned_tables(sample)[0] for sample in samples]
    outcomes: dict[str, list[Outcome]] = {method: [] for method in methods}
    for k, sample in enumerate(samples):
        survey = simulated(name, activity, SURVEY_SEED + k, round(LEARNING_DECAYS * arguments.scale))
        for method, find in methods.items():
            outcomes[method].append(judged(sample, find(sample, survey)))
    outcomes["gate, this object"] = [judged(s, sorted_pairs(s, gate)) for s in samples]
    if len(samples) > 1:
        outcomes["tables, this object"] = [judged(s, found_by(own[k - 1], s.examples)) for k, s in enumerate(samples)]
    counts = {method: np.concatenate([o.counts for o in found]) for method, found in outcomes.items()}
    return {
        "singles": [s.singles for s in samples], "targets": [len(s.targets) for s in samples],
        "gate, this object": gate,
        "methods": {method: over_seeds(found) for method, found in outcomes.items()},
        "differences": {base: {m: compared(counts[m], counts[base]) for m in counts if m not in (base, "perfect")} for base in BASELINES},
        "seeds": {base: {m: per_seed(outcomes[m], outcomes[base]) for m in counts if m not in (base, "perfect")} for base in BASELINES},
    }


def over_seeds(outcomes: list[Outcome]) -> dict[str, list[float | None]]:
    """Return the mean and standard deviation of every figure."""
    rows = [{**figures_of(o.counts.sum(0)), **{name: o.metrics[name].value for name in LINES}} for o in outcomes]
    return {name: rounded([np.mean(values), np.std(values, ddof=1) if len(values) > 1 else np.nan])
            for name in rows[0] for values in [[float(row[name]) for row in rows]]}


def compared(ours: Array, theirs: Array) -> dict[str, list[float | None]]:
    """Return differences with the errors of resampled slices, and both in standard deviations."""
    n = len(ours)
    weights = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=REPLICAS)
    a, b = (figures_of(of.sum(0)) for of in (ours, theirs))
    drawn_a, drawn_b = (figures_of(weights @ of) for of in (ours, theirs))
    found = {}
    for name in ("f1", "f1_unscattered"):
        value, error = float(a[name] - b[name]), float(np.std(drawn_a[name] - drawn_b[name]))
        found[name] = rounded([value, error, value / error if error else 0.0])
    return found


def per_seed(ours: list[Outcome], theirs: list[Outcome]) -> dict[str, list[float | None]]:
    """Return the difference of F1 and the ratio of NECR of each seed."""
    return {"f1": rounded([float(figures_of(a.counts.sum(0))["f1"] - figures_of(b.counts.sum(0))["f1"]) for a, b in zip(ours, theirs, strict=True)]),
            "necr_ratio": rounded([a.metrics["necr"].value / b.metrics["necr"].value for a, b in zip(ours, theirs, strict=True)])}


def rounded(values: Any) -> list[float | None]:
    return [float(f"{float(value):.5g}") if np.isfinite(value) else None for value in values]


def shown(cell: dict[str, Any]) -> str:
    """Return a cell as lines of text."""
    columns = ("f1", "precision", "recall", "f1_unscattered", "randoms_fraction", "delayed_over_randoms", "image_bias", "image_distortion")
    lines = [f"\n{cell['object']}, {cell['MBq']:g} MBq; targets {cell['targets']}, singles {cell['singles']}",
             f"{'':22}{''.join(f'{c[:16]:>17}' for c in columns)}{'NECR kcps':>11}{'NECR 2R':>10}{'- gate':>22}{'- tables':>22}"]
    for name, values in cell["methods"].items():
        mean = {key: np.nan if value[0] is None else value[0] for key, value in values.items()}
        against = "".join(_difference(cell["differences"][base].get(name)) for base in BASELINES)
        first = f"{mean['f1']:.5f} +- {values['f1'][1] or 0:.5f}"
        lines.append(f"{name:22}{first:>17}{''.join(f'{mean[c]:17.4f}' for c in columns[1:])}"
                     f"{mean['necr'] / 1e3:11.1f}{mean['necr_2r'] / 1e3:10.1f}{against}")
    return "\n".join(lines)


def _difference(found: dict[str, list[float]] | None) -> str:
    return f"{'':22}" if found is None else f"{found['f1'][0]:+12.5f} {found['f1'][2]:+6.1f} s.d."[:23].rjust(22)


if __name__ == "__main__":
    main()
