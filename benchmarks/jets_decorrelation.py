"""Ways to keep the scores of jets from showing the mass, over seeds, on the same simulated test jets; prints JSON, and a table to stderr.

    python benchmarks/jets_decorrelation.py [--seeds 5] [--scale 1] [--methods NAME ...] [--steps 3000] [--mass 80] [--folder DIR] [--figure FILE]

Jets of the simulation at one resonance mass, a quarter of them signal: 400,000 to train on, 300,000 to choose weights by and to fit maps to,
600,000 to judge (of which half chooses the cut of the fit). All networks are 3 x 64 on the same ten inputs, without the mass.

- tau21: the cut (trivial). plain: the network. trees: boosted trees. `+ map`: the conditional quantile map of these scores.
- planing, disco, mode, adversarial: published methods, with their strength behind the name; all have as many steps and as many strengths, planing none.
- blend a: (1 - a) logit of the plain score's quantile + a logit of the map, of which a part is flat; `planing blend` of the planed network's. Each published score is compared with the blend
  of the plain network of its seed whose JSD is the same (with the map, if it is flatter than all of them).

For each: rejection at 50 % of signal, 1/JSD of the mass there with what a flat score of as many jets has, and the expected significance of a fit of the mass
(1500 signal over 200,000 background jets; pass and fail regions; template variance; uncertainty of the normalisations 0, 10, 50 %), each at the cut that is best on the other half.
The figure shows rejection against 1/JSD with bands, each strength a point: what a way to decorrelate leaves of either.
Comparisons are of the mean over seeds on paired test jets; `ahead` is by three standard errors and for every seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jets_samples import seen, simulated, trained
from numpy.typing import NDArray

from pphysml.evaluation.mass_fit import Fitted, Uncertainty
from pphysml.evaluation.roc import Roc, rejection, roc, threshold
from pphysml.evaluation.sculpting import Sculpting, cells, equal_edges, jensen_shannon
from pphysml.evaluation.seeds import (
    OverSeeds,
    rejection_over_seeds,
    significance_over_seeds,
)
from pphysml.tasks.jets.config import JetsConfig
from pphysml.tasks.jets.judging.jets_seen import JetsSeen
from pphysml.tasks.jets.judging.separation import separate

Array = NDArray[Any]

SIZES = {"train": (400_000, 11), "validation": (300_000, 12), "test": (600_000, 13)}
"""Jets and seed of each sample."""

STRENGTHS = {"disco": (100.0, 200.0, 400.0), "mode": (100.0, 300.0, 1000.0), "adversarial": (3.0, 10.0, 30.0)}
PUBLISHED = ("planing", *STRENGTHS)
BLENDS, BLENDED = (0.25, 0.5, 0.75, 0.9), {"plain": "blend", "planing": "planing blend"}
UNCERTAINTIES = (Uncertainty(0.0), Uncertainty(0.1), Uncertainty(0.5))
HALF = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--scale", type=float, default=1.0, help="jets over those of the table")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--mass", type=float, default=80.0, help="of the resonance, GeV")
    parser.add_argument("--methods", nargs="+", help="trainings; default: all")
    parser.add_argument("--folder", type=Path, help="where samples and runs are kept, and found again")
    parser.add_argument("--figure", type=Path, help="picture of rejection against flatness")
    arguments = parser.parse_args()
    trainings = {name: options for name, options in methods().items() if arguments.methods is None or name in arguments.methods}
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: simulated(folder / f"{name}.root", round(number * arguments.scale), seed, [arguments.mass]) for name, (number, seed) in SIZES.items()}
        found: dict[str, list[Judged]] = {}
        seconds: dict[str, list[float]] = {}
        for seed in range(1, arguments.seeds + 1):
            plain = None
            for name, options in trainings.items():
                began = time.process_time()
                run = trained(folder / f"{name.replace(' ', '-')}-{seed}", files["train"], files["validation"], [*options, f"training.seed={seed}"], arguments.steps)
                seconds.setdefault(name, []).append(round(time.process_time() - began, 1))
                jets, config = seen(run, files["test"])
                plain = jets if name == "plain" else plain
                for score, one in judged(name, jets, config, plain).items():
                    found.setdefault(score, []).append(one)
                    print(f"seed {seed} {row(score, [one])}", file=sys.stderr, flush=True)
    print(HEADER, file=sys.stderr)
    for score, of in found.items():
        print(row(score, of), file=sys.stderr)
    scores = {score: figures(of) for score, of in found.items()}
    if arguments.figure is not None:
        draw_frontier(scores, arguments.figure)
    json.dump({**{name: str(value) for name, value in vars(arguments).items()}, "cpu_seconds": seconds, "scores": scores, "comparisons": comparisons(found)}, sys.stdout, indent=1)
    print()


def methods() -> dict[str, list[str]]:
    """Return the trainings, and their options."""
    found = {"plain": ["model.decorrelate=quantile"], "trees": ["model.name=trees", "model.decorrelate=quantile", "training.steps=50"],
             "planing": ["model.decorrelate=planing", "model.quantile_map=true"]}
    for name, strengths in STRENGTHS.items():
        found |= {f"{name} {strength:g}": [f"model.decorrelate={name}", f"model.strength={strength}", "model.quantile_map=true"] for strength in strengths}
    return found


class Judged(NamedTuple):
    """What is kept of a score: its ROC, by variable its flatness, by uncertainty its fit, and the ROC of the blend that is as flat."""

    curve: Roc
    flatness: Sculpting
    fits: dict[Uncertainty, Fitted]
    as_flat: Roc | None


def judged(name: str, jets: JetsSeen, config: JetsConfig, plain: JetsSeen | None) -> dict[str, Judged]:
    """Return the scores of a training on the test jets; of the plain and the planed network, what is made of their scores, too."""
    wanted = {name: "disc_signal", f"{name} + map": "flat_signal", **({"tau21": "tau21"} if name == "plain" else {})}
    for share in BLENDS if name in BLENDED else ():
        jets.columns[f"blend_{share}"] = blend(jets, share)
        wanted[f"{BLENDED[name]} {share}"] = f"blend_{share}"
    found = {}
    for score, column in wanted.items():
        one = separate(jets, config, column, "signal")
        assert one is not None
        compared = score.split()[0] in PUBLISHED and column != "flat_signal"
        found[score] = Judged(one.curve, next(iter(one.flatness.values())), one.fits, as_flat(jets, column, plain) if plain is not None and compared else None)
    return found


def as_flat(jets: JetsSeen, column: str, plain: JetsSeen) -> Roc:
    """Return the ROC of the blend of the plain network that sculpts the mass as much as a score of the same jets."""
    asked = divergence(jets, jets.columns[column])
    low, high = 0.0, 1.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        low, high = (middle, high) if divergence(plain, blend(plain, middle)) > asked else (low, middle)
    return roc(blend(plain, high), plain.label == 1, plain.weight, plain.event)


def divergence(jets: JetsSeen, score: Array) -> float:
    """Return the JSD of the mass of background that passes and that fails where half of the signal passes."""
    background = jets.label == 0
    passed = score[background] >= threshold(roc(score, ~background, jets.weight, jets.event), HALF)
    mass = jets.against[background, 0]
    cell, number = cells([mass], [equal_edges(mass)])
    both = [np.bincount(cell[chosen & (cell >= 0)], minlength=number) for chosen in (passed, ~passed)]
    return float(jensen_shannon(*both))


def blend(jets: JetsSeen, share: float) -> Array:
    """Return a score that is between the plain one and the map of it."""
    background = np.sort(jets.columns["disc_signal"][jets.label == 0])
    quantile = np.searchsorted(background, jets.columns["disc_signal"]) / len(background)
    return (1 - share) * logit(quantile) + share * logit(jets.columns["flat_signal"].astype(float))


def logit(p: Array) -> Array:
    edge = 1e-7
    inside = np.clip(p, edge, 1 - edge)
    return np.log(inside / (1 - inside))


def figures(of: Sequence[Judged]) -> dict[str, Any]:
    """Return means over seeds, errors by the jets, and standard deviations over seeds."""
    def over(values: Callable[[Judged], float]) -> list[float]:
        each = [values(one) for one in of]
        return [float(f"{np.mean(each):.5g}"), float(f"{np.std(each, ddof=1) if len(each) > 1 else 0:.3g}")]

    def significance(u: Uncertainty) -> list[float]:
        return [*over(lambda one: one.fits[u].value), round(one_error(first, u), 3)]

    first = of[0]
    at_half = rejection(first.curve, HALF)
    return {"rejection_50": over(lambda one: rejection(one.curve, HALF).value), "rejection_50_error": round((at_half.high - at_half.low) / 2, 3),
            "inverse_jsd": over(lambda one: one.flatness.inverse), "ceiling": over(lambda one: one.flatness.ceiling), "p_value": [one.flatness.p_value for one in of],
            "excess_jsd": over(lambda one: one.flatness.excess.value),
            "significance": {f"{u.normalisation:g}": significance(u) for u in UNCERTAINTIES if all(u in one.fits for one in of)}}


def one_error(one: Judged, uncertainty: Uncertainty) -> float:
    fit = one.fits[uncertainty]
    return (fit.high - fit.low) / 2


def comparisons(found: dict[str, list[Judged]]) -> dict[str, Any]:
    """Return who is ahead of whom."""
    asked = [(a, b) for a, b in (("plain + map", "plain"), ("plain + map", "trees + map"), ("plain", "trees"), ("plain + map", "tau21")) if a in found and b in found]
    asked += [(ours, name) for ours in ("plain + map", "planing + map") for name in found if name.split()[0] in PUBLISHED and ours in found and ours != name]
    result: dict[str, Any] = {}
    for a, b in asked:
        ours, theirs = found[a], found[b]
        of: dict[str, Any] = {"rejection_50": said(rejection_over_seeds([one.curve for one in ours], [one.curve for one in theirs], HALF))}
        for uncertainty in UNCERTAINTIES:
            fits: list[list[Fitted]] = [[one.fits[uncertainty] for one in each if uncertainty in one.fits] for each in (ours, theirs)]
            with suppress(ValueError):
                of[f"significance, {uncertainty.normalisation:g}"] = said(significance_over_seeds(*fits))
        result[f"{a} over {b}"] = of
    for name, of_seeds in found.items():
        blends = [one.as_flat for one in of_seeds if one.as_flat is not None]
        if blends:
            result[f"{name} over the blend that is as flat"] = {"rejection_50": said(rejection_over_seeds([one.curve for one in of_seeds], blends, HALF))}
    return result


def said(compared: OverSeeds) -> dict[str, Any]:
    return {"ratio": float(f"{compared.comparison.value:.5g}"), "sigma": round(compared.comparison.sigma, 1), "seeds_ahead": int((compared.pairs > 0).sum()), "of": len(compared.pairs), "ahead": compared.ahead}


FRONTIER = {"tau21": ["tau21"], "network to its map": ["plain", "blend", "plain + map"], "planing to its map": ["planing", "planing blend", "planing + map"],
            "trees": ["trees"], "trees and the map": ["trees + map"], **{name: [name] for name in STRENGTHS}}
"""Line of the figure -> its scores, each alone or with a number behind."""


def draw_frontier(scores: dict[str, dict[str, Any]], path: Path) -> None:
    """Draw rejection against 1/JSD; bands are of the test jets and of the spread over seeds together, one standard deviation."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 5), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel="1/JSD of the mass where half of the signal passes", ylabel="background rejection there")
    for line, names in FRONTIER.items():
        found = [one for name in names for score, one in scores.items() if score == name or score.removeprefix(f"{name} ").replace(".", "").isdigit()]
        points = sorted((one["inverse_jsd"][0], one["rejection_50"][0], float(np.hypot(one["rejection_50"][1], one["rejection_50_error"]))) for one in found)
        if points:
            flat, rejected, error = np.array(points).T
            drawn, = axes.plot(flat, rejected, "o-", label=line, markersize=4, linewidth=1)
            axes.fill_between(flat, rejected - error, rejected + error, color=drawn.get_color(), alpha=0.25, linewidth=0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("{x:g}")
    axes.legend()
    figure.savefig(path, dpi=110)


HEADER = f"{'score':24s} {'R50':>8s} {'1/JSD':>8s} {'ceiling':>8s} {'p':>9s} {'Z 0':>7s} {'Z 10%':>7s} {'Z 50%':>7s}"


def row(score: str, of: Sequence[Judged]) -> str:
    f = figures(of)
    fits = " ".join(f"{f['significance'][key][0]:7.2f}" if key in f["significance"] else f"{'-':>7s}" for key in ("0", "0.1", "0.5"))
    return f"{score:24s} {f['rejection_50'][0]:8.2f} {f['inverse_jsd'][0]:8.2f} {f['ceiling'][0]:8.1f} {min(f['p_value']):9.2g} {fits}"


if __name__ == "__main__":
    main()
