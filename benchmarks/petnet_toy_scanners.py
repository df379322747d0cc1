"""Engines in 24 rings and objects of a second, independent simulation, against cuts tuned with the truth; prints JSON.

    python benchmarks/petnet_toy_scanners.py [--settings NAME ... | --drawn N] [--engines likelihood] [--seed 0] [--scale 1] [--taken-only] [--set KEY=VALUE ...] [-o FILE]

The simulation shares nothing with pphysml's own. Its physics: Poisson decays of a decaying or rising activity, a positron's range,
photons that are not quite opposite, attenuation and up to three Compton scatters in water (Klein and Nishina; where cylinders
are, also outside the field of view), absorption at a depth in crystals of a ring or of panels, with dead gaps; the whole energy
or that of one Compton scatter, blurred; times of flight, blurred, in steps of a clock, in chance order inside a step;
optionally dead time of modules and the crystals' own radioactivity. It has no scatter from crystal to crystal, no pile-up, no
photoelectric effect in water, no scatter outside the cylinders, and no single is in two parts.

F1 of pairs: right ones are of one decay, scattered or not; to be found are all of them in the energy window and the time window, which
is the same for all. `window`: the best window and choice; `gate`: the best of a window (on the time, or on what the time would be from the centre),
distances of the line from the centre across and along the axis, its steepness, the lower energy, and a choice where pairs share a single; both are tuned
with the truth of another sample of the setting, and the gate is given the object's place at every time. Engines are given window, energies and the file,
nothing else. `difference`: F1 of the engine less that of the gate, and its error by leaving out each of 100 parts of the time.

`calibration` of the taken pairs and, unless `--taken-only` saves the time, of all that are taken one to one with apply.min_score=0: `ece` in 20 bins of equal
numbers, `expected_over_true` (sum of scores over true pairs), and for each decade of the score mean score, share of true pairs, number and the error of that share.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from petnet_toy_drawn import drawn
from petnet_toy_gate import (
    CUTS,
    Array,
    Candidates,
    Gate,
    candidates,
    taken,
    targets_of,
    tuned_gate,
    tuned_window,
)
from petnet_toy_settings import SETTINGS, Setting
from petnet_toy_singles import Singles, simulate, write

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from dataclasses import dataclass, replace  # noqa: E402

from pphysml.errors import PphysmlError  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.verbs.apply import apply  # noqa: E402
from pphysml.verbs.engine_choice import EngineChoice  # noqa: E402
from pphysml.verbs.inputs import Inputs  # noqa: E402

PARTS = 100
"""Of the time, for errors."""

BINS = 20
"""Of the score, for the expected calibration error."""

TUNING_SEED = 1_000_003
"""Between a seed and that of the sample with which cuts are tuned."""

QUARTERS = 4


@dataclass
class Pairs:
    """What was taken: singles, whether they are of one decay and to be found, and scores."""

    first: Array
    true: Array
    score: Array


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", nargs="+", choices=list(SETTINGS), default=list(SETTINGS), metavar="NAME")
    parser.add_argument("--drawn", type=int, metavar="N", help="in the place of the table's settings N that are drawn, which nobody has looked at before")
    parser.add_argument("--engines", nargs="+", default=["likelihood"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scale", type=float, default=1.0, help="decays over those of the table")
    parser.add_argument("--taken-only", action="store_true", help="leave out the second applying, which shows low scores")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="options of the engines, such as apply.survey_singles=100000")
    parser.add_argument("-o", "--output", type=Path, help="JSON is written here, too, after every setting")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"seed": arguments.seed, "scale": arguments.scale, "set": arguments.set, "settings": {}}
    print(HEADER, file=sys.stderr, flush=True)
    settings = {name: SETTINGS[name] for name in arguments.settings} if arguments.drawn is None else {f"drawn {k}": drawn(k) for k in range(arguments.drawn)}
    for name, setting in settings.items():
        found = measured(replace(setting, decays=setting.decays * arguments.scale), arguments.seed, arguments.engines, arguments.set, arguments.taken_only)
        result["settings"][name] = found
        print("\n".join(table_rows(name, found)), file=sys.stderr, flush=True)
        if arguments.output:
            arguments.output.write_text(json.dumps(result, indent=1))
    result["summary"] = {engine: summary(result["settings"], engine) for engine in arguments.engines}
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1))
    json.dump(result if not arguments.output else result["summary"], sys.stdout, indent=1)
    print()


def measured(setting: Setting, seed: int, engines: list[str], options: list[str], taken_only: bool) -> dict[str, Any]:
    """Return how good cuts and engines are in one setting."""
    window, gate = tuned_cuts(setting, seed + TUNING_SEED)
    singles = simulate(setting, seed)
    found = candidates(setting, singles)
    parts = parts_of_time(singles)
    wanted = np.bincount(parts[found.first[found.true]], minlength=PARTS)
    by_cuts = {name: pairs_of_gate(found, cuts) for name, cuts in (("window", window), ("gate", gate))}
    counts = {name: counted(pairs, parts, wanted) for name, pairs in by_cuts.items()}
    result: dict[str, Any] = {"singles": len(singles), "targets": targets_of(found), "enough": targets_of(found) >= setting.smallest,
                              "random_over_true": round(float((~found.true).sum() / max(targets_of(found), 1)), 4),
                              "window": {**figures(counts["window"]), "cuts": described_cuts(window)},
                              "gate": {**figures(counts["gate"]), "cuts": described_cuts(gate)}}
    with tempfile.TemporaryDirectory() as folder:
        paths = write(setting, singles, Path(folder))
        for engine in engines:
            result[engine] = judged(setting, singles, paths, engine, (parts, wanted, counts), options, taken_only)
    return result


def tuned_cuts(setting: Setting, seed: int) -> tuple[Gate, Gate]:
    found = candidates(setting, simulate(setting, seed))
    return tuned_window(found), tuned_gate(found)


def pairs_of_gate(found: Candidates, gate: Gate) -> Pairs:
    which = taken(found, gate)
    return Pairs(found.first[which], found.true[which], np.ones(int(which.sum())))


def parts_of_time(singles: Singles) -> Array:
    """Return the part of the measurement in which each single is, equal numbers of singles in each."""
    return np.arange(len(singles)) * PARTS // max(len(singles), 1)


def counted(pairs: Pairs, parts: Array, wanted: Array) -> Array:
    """Return right pairs, taken ones and those to be found, for each part of the time, (3, PARTS)."""
    of = parts[pairs.first]
    return np.array([np.bincount(of[pairs.true], minlength=PARTS), np.bincount(of, minlength=PARTS), wanted])


def f1_of(counts: Array) -> Array:
    right, all_taken, wanted = counts
    return 2 * right / np.maximum(all_taken + wanted, 1)


def figures(counts: Array) -> dict[str, Any]:
    right, all_taken, wanted = counts.sum(1)
    quarters = counts.reshape(3, QUARTERS, -1).sum(2)
    return {"f1": round(float(f1_of(counts.sum(1))), 5), "precision": round(float(right / max(all_taken, 1)), 5),
            "recall": round(float(right / max(wanted, 1)), 5), "f1_of_quarters": np.round(f1_of(quarters), 4).tolist()}


def difference(ours: Array, others: Array) -> list[float]:
    """Return the difference of F1, its error by leaving out each part, and the ratio."""
    value = float(f1_of(ours.sum(1)) - f1_of(others.sum(1)))
    without = f1_of(ours.sum(1)[:, None] - ours) - f1_of(others.sum(1)[:, None] - others)
    error = float(np.sqrt((PARTS - 1) / PARTS * ((without - without.mean()) ** 2).sum()))
    return [round(value, 5), round(error, 5), round(value / max(error, 1e-9), 1)]


def judged(setting: Setting, singles: Singles, paths: list[Path], engine: str, reference: tuple[Array, Array, dict[str, Array]],
           options: list[str], taken_only: bool) -> dict[str, Any]:
    """Return how good an engine is, or why it gave nothing."""
    parts, wanted, counts = reference
    try:
        pairs, seconds, warnings, facts = applied(setting, singles, paths, engine, *options)
        every = None if taken_only else applied(setting, singles, paths, engine, *options, "apply.min_score=0")[0]
    except PphysmlError as error:
        return {"refused": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"crashed": f"{type(error).__name__}: {error}"}
    ours = counted(pairs, parts, wanted)
    return {**figures(ours), **{f"over_{name}": difference(ours, others) for name, others in counts.items()}, "cpu_seconds": round(seconds, 2),
            "calibration": calibration(pairs), **({} if every is None else {"calibration_of_all": calibration(every)}), "warnings": warnings, "facts": facts}


def applied(setting: Setting, singles: Singles, paths: list[Path], engine: str, *options: str) -> tuple[Pairs, float, list[str], dict[str, Any]]:
    """Return the pairs that an engine takes, its CPU seconds, and what it says."""
    output = paths[0].with_name("pairs.root")
    low, high = setting.energies
    overrides = [f"apply.window={setting.window:g}", f"apply.energy_window=[{low:g}, {high:g}]", *options]
    began = time.process_time()
    said = apply(get_task("petnet"), Inputs([str(path) for path in paths]), EngineChoice(engine=engine, overrides=overrides, device="cpu"),
                 output=output, force=True)
    seconds = time.process_time() - began
    with uproot.open(output) as file:
        tree = file["Coincidences"].arrays(["file1", "entry1", "file2", "entry2", "score"], library="np")
    begins = np.searchsorted(singles.file, np.arange(len(paths)))
    first, second = (begins[tree[f"file{k}"]] + tree[f"entry{k}"] for k in (1, 2))
    facts = {name: value for name, value in said.items() if isinstance(value, (int, float, str, list)) and name not in ("output", "warnings")}
    return Pairs(first, singles.decay[first] == singles.decay[second], tree["score"].astype(float)), seconds, said["warnings"], facts


def calibration(pairs: Pairs) -> dict[str, Any]:
    """Return how scores compare with the shares of true pairs."""
    n, n_true = len(pairs.score), int(pairs.true.sum())
    if not n:
        return {"pairs": 0}
    order = np.argsort(pairs.score, kind="stable")
    score, true = pairs.score[order], pairs.true[order]
    gaps = [abs(float(score[part].mean() - true[part].mean())) * len(part) for part in np.array_split(np.arange(n), min(BINS, n))]
    return {"pairs": n, "ece": round(sum(gaps) / n, 5), "expected_over_true": round(float(score.sum() / max(n_true, 1)), 4),
            "decades": {f"{low:g} to {10 * low:g}": decade(score, true, (score > low) & (score <= 10 * low)) for low in (0.001, 0.01, 0.1)},
            "below": decade(score, true, score <= 0.001)}


def decade(score: Array, true: Array, rows: Array) -> list[float]:
    """Return mean score, share of true pairs, its error, and the number of pairs."""
    n = int(rows.sum())
    if not n:
        return [0.0, 0.0, 0.0, 0]
    share = float(true[rows].mean())
    return [round(float(score[rows].mean()), 6), round(share, 6), round(float(np.sqrt(max(share * (1 - share), 1 / n) / n)), 6), n]


def described_cuts(gate: Gate) -> dict[str, Any]:
    return {**{name: round(most, 3) for name, most in zip(CUTS, gate.cuts, strict=True) if np.isfinite(most)}, "choice": gate.choice}


HEADER = (f"{'setting':24s} {'engine':12s} {'singles':>8s} {'targets':>8s} {'window':>7s} {'gate':>7s} {'engine':>7s} {'- gate':>8s} {'+-':>7s} {'sigma':>6s}"
          f" {'ECE':>6s} {'exp/true':>8s} {'ECE all':>7s} {'exp/true':>8s} {'CPU s':>6s}")


def table_rows(name: str, found: dict[str, Any]) -> list[str]:
    engines = {engine: of for engine, of in found.items() if isinstance(of, dict) and engine not in ("window", "gate")}
    rows = []
    for engine, of in engines.items():
        begin = f"{name:24s} {engine:12s} {found['singles']:8d} {found['targets']:8d} {found['window']['f1']:7.4f} {found['gate']['f1']:7.4f}"
        if "f1" not in of:
            rows.append(f"{begin} {of}")
            continue
        ahead, error, ratio = of["over_gate"]
        own, every = of["calibration"], of.get("calibration_of_all", {})
        rows.append(f"{begin} {of['f1']:7.4f} {ahead:+8.4f} {error:7.4f} {ratio:+6.1f} {own.get('ece', 0):6.4f} {own.get('expected_over_true', 0):8.3f}"
                    f" {every.get('ece', np.nan):7.4f} {every.get('expected_over_true', np.nan):8.3f} {of['cpu_seconds']:6.1f}")
    return rows


def summary(settings: dict[str, Any], engine: str) -> dict[str, Any]:
    """Return in how many settings the figures of the table are reached."""
    results = {name: found[engine] for name, found in settings.items()}
    given = {name: of for name, of in results.items() if "f1" in of}
    behind = [name for name, of in given.items() if of["over_gate"][0] < -max(0.003, 2 * of["over_gate"][1])]
    return {"settings": len(results), "without_result": [name for name in results if name not in given],
            "ahead_at_3_sigma": sum(of["over_gate"][2] > 3 for of in given.values()), "behind": behind,
            **{f"{kind}_off": off_calibration(given, kind) for kind in ("calibration", "calibration_of_all")},
            "too_few_pairs": [name for name, found in settings.items() if not found["enough"]]}


def off_calibration(given: dict[str, Any], kind: str) -> list[str]:
    """Return the settings where the expected calibration error is 0.02 or more, or expected pairs are off the true ones by 2 %."""
    return [name for name, of in given.items()
            if kind in of and (of[kind].get("ece", 1) >= 0.02 or abs(of[kind].get("expected_over_true", 0) - 1) > 0.02)]


if __name__ == "__main__":
    main()
