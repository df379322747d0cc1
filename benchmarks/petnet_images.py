"""Bias of images of hot rods and a cold sphere: weights (all candidates, each with its probability) against choices; prints JSON.

    python benchmarks/petnet_images.py [--seeds 6] [--activity 500] [--decays 1.5e6] [--pictures FOLDER] [-o FILE]

The independent simulation of petnet_toy_scanners.py: a small ring (500 ps), water 50 mm wide, in it a warm cylinder 44 mm wide and 60 mm long,
four rods 3 to 6 mm wide that are five times as active, and a cold sphere 12 mm wide: decays inside are taken out. Pairs in the window of 2 ns are
weighted and taken by the engine `likelihood`; images are made by list-mode expectation maximisation as `pphysml evaluate` does (judging/reconstruction.py), all of
one sample with the same sensitivity and time resolution; but lines end in the middle of crystals. `targets`: all pairs of one decay, which no engine can better; the bias is
what an image has in a region less what that of the targets has there, over the mean of the targets' warm background. So it is the selection's alone. Images:

- `choices`: the pairs that are taken, each with weight 1; `scores`: each with its score;
- `less delayed`: the pairs that are taken, less the randoms that delayed pairs show by distance and time difference;
- `weights`: all pairs in the window with their probabilities.

Errors are of the mean over seeds. `gain`: the size of the bias of `choices`, or of `less delayed`, less that of `weights`, over its error, by seeds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import uproot
from petnet_toy_gate import Array, candidates
from petnet_toy_settings import SMALL, Cylinder, Setting
from petnet_toy_singles import Singles, simulate, write
from scipy.ndimage import gaussian_filter

from pphysml.compiled_cache import use_user_cache

use_user_cache()

from pphysml.evaluation.style import HEAT, new_figure, style  # noqa: E402
from pphysml.registry import get_task  # noqa: E402
from pphysml.tasks.petnet.judging.pictures import less_randoms  # noqa: E402
from pphysml.tasks.petnet.judging.reconstruction import (  # noqa: E402
    WeightedLines,
    grid_of,
    reconstructed,
    sensitivity,
    time_spread,
)
from pphysml.tasks.petnet.likelihood.line_kernel import Grid  # noqa: E402
from pphysml.verbs.apply import apply  # noqa: E402
from pphysml.verbs.engine_choice import EngineChoice  # noqa: E402
from pphysml.verbs.inputs import Inputs  # noqa: E402

RODS = tuple((radius, 13 * np.cos(angle), 13 * np.sin(angle)) for radius, angle in ((1.5, -1.2), (2.0, 0.0), (2.5, 1.2), (3.0, 2.1)))
"""Radius and place in x and y, mm."""

HOT = 5.0
SPHERE, SPHERE_RADIUS = np.array([-11.0, -7.0, 0.0]), 6.0
WARM, LENGTH = 22.0, 60.0
OFFSET = 20_000.0
"""Delay of the second window, ps."""

LINES = 2_000_000
METHODS = ("choices", "scores", "less delayed", "weights")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--activity", type=float, default=500.0, help="MBq")
    parser.add_argument("--decays", type=float, default=1.5e6)
    parser.add_argument("--pictures", type=Path, help="folder for a picture of the first seed")
    parser.add_argument("-o", "--output", type=Path)
    arguments = parser.parse_args()
    of_seeds = []
    for seed in range(arguments.seeds):
        of_seeds.append(biases(setting(arguments.activity, arguments.decays), seed, arguments.pictures if seed == 0 else None))
        print(json.dumps(of_seeds[-1]), file=sys.stderr, flush=True)
    result = {"activity": arguments.activity, "seeds": arguments.seeds, "pairs": {name: float(np.mean([one["pairs"][name] for one in of_seeds])) for name in of_seeds[0]["pairs"]},
              "bias": {region: summary([one["bias"][region] for one in of_seeds]) for region in of_seeds[0]["bias"]}}
    if arguments.output:
        arguments.output.write_text(json.dumps(result, indent=1))
    json.dump(result, sys.stdout, indent=1)
    print()


def setting(activity: float, decays: float) -> Setting:
    """Return the phantom; what is hot has its share beyond the warm cylinder."""
    rods = tuple(Cylinder(radius, LENGTH, (x, y, 0.0), radius**2 * (HOT - 1)) for radius, x, y in RODS)
    return Setting(replace(SMALL, dead_time=0.0), (Cylinder(25.0, 70.0),), (Cylinder(WARM, LENGTH, weight=WARM**2), *rods), activity, decays)


def biases(of: Setting, seed: int, folder: Path | None) -> dict[str, Any]:
    """Return the bias of each method in each region, and how many lines it has."""
    singles = simulate(of, seed)
    singles = singles.take(np.linalg.norm(singles.source - SPHERE, axis=1) > SPHERE_RADIUS)
    found = candidates(of, singles)
    lines = {"targets": lines_of(of, singles, found.first[found.true], found.second[found.true]), **by_likelihood(of, singles)}
    grid = grid_of(33.0, -45.0, 45.0, 64, 512)
    seen = sensitivity(singles.place, grid, LINES)
    sigma = time_spread(lines["targets"], seen, grid)
    images = {name: reconstructed(part, seen, grid, sigma) for name, part in lines.items()}
    if folder is not None:
        draw(images, grid, folder)
    masks = dict(regions(grid))
    unit = images["targets"][masks["background"]].mean()
    bias = {region: {name: float((images[name][mask].mean() - images["targets"][mask].mean()) / unit) for name in METHODS}
            | {"targets": float(images["targets"][mask].mean() / unit)} for region, mask in masks.items()}
    return {"pairs": {name: float(part.weight.sum()) for name, part in lines.items()}, "bias": bias}


def by_likelihood(of: Setting, singles: Singles) -> dict[str, WeightedLines]:
    """Return the lines of each method."""
    with tempfile.TemporaryDirectory() as folder:
        (path,), output = write(of, singles, Path(folder)), Path(folder) / "pairs.root"
        options = [f"apply.window={of.window:g}ps", f"apply.offset={OFFSET:g}ps", "apply.candidates=0"]
        apply(get_task("petnet"), Inputs([str(path)]), EngineChoice(engine="likelihood", overrides=options), output=output)
        with uproot.open(output) as file:
            trees = {name: file[name].arrays(["entry1", "entry2", "score"], library="np") for name in ("Coincidences", "delay", "candidates")}
    lines = {name: lines_of(of, singles, tree["entry1"], tree["entry2"], tree["score"]) for name, tree in trees.items()}
    taken, delayed = lines["Coincidences"], lines["delay"]
    even = replace(taken, weight=np.ones(len(taken)))
    late = replace(delayed, dt=np.abs(delayed.dt) - OFFSET, weight=np.ones(len(delayed)))
    return {"choices": even, "scores": taken, "less delayed": less_randoms(even, late), "weights": lines["candidates"]}


def lines_of(of: Setting, singles: Singles, first: Array, second: Array, weight: Array | None = None) -> WeightedLines:
    dt = (singles.tick[second] - singles.tick[first]) * of.detector.clock
    return WeightedLines(singles.place[first], singles.place[second], dt.astype(np.float64), np.ones(len(first)) if weight is None else weight.astype(np.float64))


def regions(grid: Grid) -> Iterator[tuple[str, Array]]:
    """Yield what voxels are in each rod, in all, in the cold sphere, in the warm background away from both, and outside of it."""
    across, along = (np.arange(grid.across) + 0.5) * grid.voxel - grid.radius, (np.arange(grid.along) + 0.5) * grid.voxel + grid.z_low
    x, y, z = np.meshgrid(across, across, along, indexing="ij")
    inside = np.abs(z) < LENGTH / 2 - 4
    near, hot = np.zeros(x.shape, bool), np.zeros(x.shape, bool)
    for radius, at_x, at_y in RODS:
        distance = np.hypot(x - at_x, y - at_y)
        near |= distance < radius + 2.5
        hot |= inside & (distance < radius)
        yield f"rod of {2 * radius:g} mm", inside & (distance < radius)
    yield "hot rods", hot
    from_sphere = np.sqrt(sum((of - at) ** 2 for of, at in zip((x, y, z), SPHERE, strict=True)))
    yield "cold sphere", from_sphere < SPHERE_RADIUS - 1.5
    r = np.hypot(x, y)
    yield "background", inside & (r < WARM - 3) & ~near & (from_sphere > SPHERE_RADIUS + 2.5)
    yield "outside", inside & (r > WARM + 3) & (r < 32)


def summary(of_seeds: list[dict[str, float]]) -> dict[str, Any]:
    """Return mean and its error of each method, and by how many errors weights are better."""
    columns = {name: np.array([one[name] for one in of_seeds]) for name in of_seeds[0]}
    n = len(of_seeds)

    def error(values: Array) -> float:
        return float(values.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")

    found: dict[str, Any] = {name: [round(float(values.mean()), 4), round(error(values), 4)] for name, values in columns.items()}
    for name in ("choices", "less delayed"):
        # The sign of the mean, lest noise of single seeds be taken for a bias.
        gain = np.sign(columns[name].mean()) * columns[name] - np.sign(columns["weights"].mean()) * columns["weights"]
        found[f"gain over {name}"] = [round(float(gain.mean()), 4), round(float(gain.mean() / error(gain)), 1)] if n > 1 else float(gain.mean())
    return found


def draw(images: dict[str, Array], grid: Grid, folder: Path) -> None:
    """Draw slabs across the axis of all images, and how those of the methods differ from the targets'."""
    folder.mkdir(parents=True, exist_ok=True)
    middle, half = grid.along // 2, int(8 / grid.voxel)
    smooth = {name: gaussian_filter(image, 1.0, mode="constant") for name, image in images.items()}
    slabs = {name: image[:, :, middle - half : middle + half].mean(2).T for name, image in smooth.items()}
    extent = (-grid.radius, grid.radius) * 2
    unit = np.median(slabs["targets"][slabs["targets"] > slabs["targets"].mean()])
    with style():
        figure, axes = new_figure(4.2 * len(slabs), 7.6, columns=len(slabs), rows=2)
        for column, (name, slab) in enumerate(slabs.items()):
            figure.colorbar(axes[column].imshow(slab / unit, origin="lower", cmap=HEAT, extent=extent, vmin=0, vmax=slabs["targets"].max() / unit), ax=axes[column])
            less = axes[column + len(slabs)].imshow((slab - slabs["targets"]) / unit, origin="lower", cmap="RdBu_r", extent=extent, vmin=-0.5, vmax=0.5)
            figure.colorbar(less, ax=axes[column + len(slabs)])
            axes[column].set_title(name)
        figure.savefig(folder / "petnet_images.png", dpi=80)


if __name__ == "__main__":
    main()
