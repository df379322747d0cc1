"""Simulated slices of singles, and what was found in them against the truth, for the benchmarks of `petnet`; no script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from pphysml.evaluation.result import Metric
from pphysml.io.ragged import Array, Columns, concatenate, length
from pphysml.tasks.petnet.coincidences.pairs import Pairs
from pphysml.tasks.petnet.config import PetConfig
from pphysml.tasks.petnet.judging.classes import ACCIDENTAL
from pphysml.tasks.petnet.judging.images import image_metrics
from pphysml.tasks.petnet.judging.line_counts import LineCounts
from pphysml.tasks.petnet.judging.necr import necr_metrics
from pphysml.tasks.petnet.judging.options import options_of
from pphysml.tasks.petnet.judging.targets import Targets, find_targets, judge
from pphysml.tasks.petnet.judging.truth import Truth, truth_of
from pphysml.tasks.petnet.reading.assemble import assemble
from pphysml.tasks.petnet.simulation.simulate import PetSimulation

OBJECTS: dict[str, dict[str, Any]] = {
    "mouse": {"phantom": "mouse"},
    "rat": {"phantom": "rat"},
    "mouse off centre": {"phantom": "mouse", "phantom_offset": [15.0, 10.0]},
    "hot rods": {"phantom": "rat", "phantom_length": 70.0, "rod_diameters": [1.0, 2.0, 3.0, 4.0, 5.0]},
}
"""Options of the simulation; the rods stand in water with a quarter of their activity."""

UNSEEN: dict[str, dict[str, Any]] = {
    "10 mm": {"activity": 500, "phantom_radius": 10, "phantom_length": 60},
    "17 mm, off": {"activity": 350, "phantom_radius": 17, "phantom_length": 80, "phantom_offset": [-10, 6]},
    "28 mm": {"activity": 250, "phantom_radius": 28, "phantom_length": 120},
    "rods": {"activity": 450, "phantom_radius": 22, "phantom_length": 90, "rod_diameters": [1.5, 2.5, 3.5, 4.5], "rod_background": 0.2},
    "14 mm": {"activity": 100, "phantom_radius": 14, "phantom_length": 75},
    "22.5 mm, off": {"activity": 500, "phantom_radius": 22.5, "phantom_length": 100, "phantom_offset": [4, 14]},
    "12 mm, off": {"activity": 60, "phantom_radius": 12, "phantom_length": 65, "phantom_offset": [-16, 0]},
    "26 mm": {"activity": 500, "phantom_radius": 26, "phantom_length": 140},
}
"""Objects that the preset `pairs` has not, by which its network is chosen; MBq and mm."""

MOST_DECAYS = 2_000_000
"""Decays in a block."""

WINDOW = 600.0
"""Largest time difference of candidate pairs, ps; slices are cut so that none leaves them. Targets may have 1000 ps."""

OFFSET = 10_000.0
"""Delay of the second window, ps."""

COUNTS = ("found", "pairs", "targets", "unscattered_found", "unscattered_targets", "accidental", "delayed")


@dataclass(frozen=True)
class Sample:
    """Slices of one measurement.

    Attributes:
        duration: s.
        radius: of the object, from the axis, mm.
    """

    config: PetConfig
    examples: Columns
    duration: float
    radius: float

    @cached_property
    def truth(self) -> Truth:
        return truth_of(self.examples, options_of(self.config))

    @cached_property
    def targets(self) -> Targets:
        return find_targets(self.truth, options_of(self.config))

    @property
    def singles(self) -> int:
        """Singles in the energy window."""
        return int(self.truth.used.sum())


@dataclass(frozen=True)
class Outcome:
    """What a method found in a sample.

    Attributes:
        counts: `COUNTS` of each slice, (slices, len(COUNTS)).
        metrics: those of lines, by name.
    """

    counts: Array
    metrics: Mapping[str, Metric]


def simulated(name: str, activity: float, seed: int, decays: int) -> Sample:
    """Return the slices of an object's measurement; MBq."""
    config = PetConfig.model_validate({
        "simulation": {**(OBJECTS | UNSEEN)[name], "activity": activity}, "data": {"scanner": "safir", "window": WINDOW},
        "apply": {"offset": OFFSET, "slice_singles": 1024}})
    simulation = PetSimulation(config, seed)
    n_blocks = -(-decays // MOST_DECAYS)
    size = decays // n_blocks
    parts, carry, rows = [], None, 0
    for index in range(n_blocks + 1):
        chunk = None
        if index < n_blocks:
            block = simulation.block(index, size)
            chunk = block | {"file": np.zeros(length(block), np.int32), "entry": rows + np.arange(length(block))}
            rows += length(block)
        made, carry = assemble(chunk, carry, config)
        parts.append(made)
    while carry is not None:
        made, carry = assemble(None, carry, config)
        parts.append(made)
    radius = config.simulation.cylinder[0] + float(np.hypot(*config.simulation.phantom_offset))
    rate = getattr(simulation.source, "rate")  # noqa: B009
    return Sample(config, concatenate([part for part in parts if part]), size * n_blocks / rate, radius)


def judged(sample: Sample, pairs: Pairs) -> Outcome:
    """Return what pairs, prompt and delayed, are worth."""
    truth, targets = sample.truth, sample.targets
    prompts, delayed = ((pairs.first[chosen], pairs.second[chosen]) for chosen in (~pairs.delayed, pairs.delayed))
    verdict = judge(truth, targets, *prompts, options_of(sample.config))
    lines = LineCounts()
    lines.add(truth, targets, verdict, prompts, delayed)
    n, of_pair, of_target = len(sample.examples["n_owned"]), truth.row[prompts[0]], truth.row[targets.first]

    def count(rows: Array, weights: Array | None = None) -> Array:
        return np.bincount(rows, weights, minlength=n)

    counts = np.stack([
        count(of_target, verdict.found), count(of_pair), count(of_target), count(of_target, verdict.found_unscattered),
        count(of_target, targets.unscattered), count(of_pair, np.isin(verdict.kind, ACCIDENTAL)), count(truth.row[delayed[0]])], axis=1)
    return Outcome(counts, {metric.name: metric for metric in _line_metrics(sample, lines)})


def _line_metrics(sample: Sample, lines: LineCounts) -> Iterator[Metric]:
    yield from necr_metrics(lines, sample.duration, sample.radius, True)
    yield from image_metrics(lines, sample.radius)


def perfect(sample: Sample) -> Pairs:
    """Return one pair for every target, and no other."""
    n = len(sample.targets)
    return Pairs(sample.targets.first, sample.targets.second, np.ones(n, np.float32), np.full(n, 2, np.int32), np.zeros(n, bool))


def f1_of(sample: Sample, first: Array, second: Array) -> float:
    """Return the F1 of prompt pairs, counted fast."""
    truth, target = sample.truth, sample.targets.of_single
    right = (target[first] >= 0) & (target[first] == target[second])
    if truth.photon is not None:
        right &= truth.photon[first] != truth.photon[second]
    found = np.bincount(target[first[right]], minlength=len(sample.targets)) > 0
    return float(2 * found.sum() / (len(first) + len(sample.targets)))


def figures_of(counts: Array) -> dict[str, Array]:
    """Return the ratios of counts, shape (..., len(COUNTS))."""
    found, pairs, targets, clean, clean_targets, accidental, delayed = np.moveaxis(np.asarray(counts, float), -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {"f1": 2 * found / (pairs + targets), "precision": found / pairs, "recall": found / targets,
                "f1_unscattered": 2 * clean / (pairs + clean_targets), "randoms_fraction": accidental / pairs,
                "delayed_over_randoms": delayed / accidental}
