"""Tables of likelihood ratios from the truth of a sample, with one-to-one matching; for the benchmarks of `petnet`, no script.

The strongest classical method known here: the ratio of the densities of true and of random pairs is a product
of factors, each a smoothed table of two quantities, and pairs are taken by their probability in a random matching.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np
from petnet_samples import OFFSET, WINDOW, Sample, f1_of
from scipy.ndimage import gaussian_filter

from pphysml.io.ragged import Array, Columns, ragged, take
from pphysml.nn.matching_marginals import matching_marginals
from pphysml.tasks.petnet.coincidences.candidates import Candidates, between, candidates
from pphysml.tasks.petnet.coincidences.lines_of_response import lines_between
from pphysml.tasks.petnet.coincidences.pairs import Pairs, joined
from pphysml.tasks.petnet.models.pairs.labels import labels_of
from pphysml.tasks.petnet.reading.slices import slice_times

LIGHT = 0.299792458
"""mm/ps."""

ENDS = {"dt": (0.0, WINDOW), "s": (0.0, 45.0), "dz": (0.0, 56.0), "z": (-28.0, 28.0), "low": (0.391, 0.601), "high": (0.391, 0.601),
        "time of flight": (0.0, 60.0), "length": (60.0, 140.0)}
"""Range of each quantity: ps, mm, MeV."""

Axes = tuple[str, str]

PLAIN: tuple[Axes, ...] = (("dt", "s"), ("dz", "z"), ("low", "high"))
RICH: tuple[Axes, ...] = (("time of flight", "s"), ("dz", "z"), ("low", "high"), ("low", "s"), ("high", "s"))
RICHER: tuple[Axes, ...] = (*RICH, ("dt", "s"), ("low", "dz"), ("high", "dz"), ("length", "dz"))
"""Sets of tables that are tried. `time of flight`: distance from the axis to where the time says that the positron was.
What counts most beyond the plain ones is energy with s: scattered lines miss the object, and are of low energy."""

BINS = (24, 40)
SMOOTHINGS = (1.0, 2.0)
ROUNDS = 8
PRIOR = 2.0

SHIFTS = np.arange(-0.6, 0.61, 0.1)
THRESHOLDS = np.arange(0.36, 0.61, 0.02)

APART, SPAN = 10, 8
"""Windows between the singles of pairs that are random for sure, and from which they are taken."""


class Shape(NamedTuple):
    """What is tuned besides the threshold."""

    tables: tuple[Axes, ...]
    bins: int
    smoothing: float


@dataclass(frozen=True)
class Tables:
    """A tuned method; `factors` are logarithms, (bins, bins) each."""

    shape: Shape
    factors: tuple[Array, ...]
    shift: float = 0.0
    threshold: float = 0.5

    def log_ratio(self, quantities: Columns) -> Array:
        """Return the logarithm of the ratio of densities."""
        found = np.full(len(np.asarray(quantities["dt"])), self.shift)
        for axes, factor in zip(self.shape.tables, self.factors, strict=True):
            found += factor[places(quantities, axes, self.shape.bins)]
        return found


def quantities_of(examples: Columns, pairs: Candidates) -> Columns:
    """Return what the tables are of, for each pair."""
    p, q = (np.stack([ragged(examples, axis).flat[index] for axis in "xyz"], axis=1).astype(float) for index in (pairs.first, pairs.second))
    energy = ragged(examples, "energy").flat
    low, high = np.sort([energy[pairs.first], energy[pairs.second]], axis=0)
    lines = lines_between(p, q)
    difference = p - q
    size = np.sqrt((difference**2).sum(1))
    place = (p + q) / 2 + difference / np.maximum(size, 1e-6)[:, None] * (LIGHT * pairs.dt / 2)[:, None]
    return {"dt": np.abs(pairs.dt), "s": np.abs(lines.s), "dz": np.abs(lines.dz), "z": lines.z, "low": low, "high": high,
            "time of flight": np.hypot(place[:, 0], place[:, 1]), "length": size}


def places(quantities: Columns, axes: Axes, bins: int) -> tuple[Array, Array]:
    """Return the row and column of each pair in a table."""
    row, column = (np.clip((np.asarray(quantities[name]) - ENDS[name][0]) / (ENDS[name][1] - ENDS[name][0]) * bins, 0, bins - 1).astype(np.int64)
                   for name in axes)
    return row, column


def found_by(tables: Tables, examples: Columns) -> Pairs:
    """Return prompt and delayed pairs."""
    n = len(ragged(examples, "time").flat)
    prompt, delayed = candidates(examples, WINDOW), candidates(examples, WINDOW, OFFSET)
    score, of_delayed = (tables.log_ratio(quantities_of(examples, pairs)) for pairs in (prompt, delayed))
    probability, _ = matching_marginals(n, prompt.first, prompt.second, score)
    # Delayed pairs join two copies of the singles, each with its prompt pairs: so they have rivals as randoms have.
    both, _ = matching_marginals(
        2 * n, np.concatenate([prompt.first, prompt.first + n, delayed.first]),
        np.concatenate([prompt.second, prompt.second + n, delayed.second + n]), np.concatenate([score, score, of_delayed]))
    return joined(_taken(tables, prompt, probability, False), _taken(tables, delayed, both[2 * len(score):], True))


def _taken(tables: Tables, pairs: Candidates, probability: Array, delayed: bool) -> Pairs:
    chosen = probability >= tables.threshold
    n = int(chosen.sum())
    return Pairs(pairs.first[chosen], pairs.second[chosen], probability[chosen].astype(np.float32), np.full(n, 2, np.int32), np.full(n, delayed))


class Material(NamedTuple):
    """Pairs of a sample to learn from: quantities of true and of random pairs, and the weight of one of the latter."""

    true: Columns
    random: Columns
    weight: float

    def half(self, number: int) -> Material:
        """Return every other pair."""
        part = slice(number, None, 2)
        true, random = ({name: np.asarray(values)[part] for name, values in of.items()} for of in (self.true, self.random))
        return Material(true, random, self.weight)


def material_of(sample: Sample) -> Material:
    """Return true pairs, and random ones from other times, where there are more of them."""
    examples = sample.examples
    pairs = candidates(examples, WINDOW)
    true = labels_of(examples, pairs, sample.config).true
    width = round(WINDOW)
    apart = between(ragged(examples, "time").offsets, np.asarray(examples["n_owned"], np.int64), slice_times(examples),
                    APART * width, (APART + SPAN) * width - 1, 0)
    random = Candidates(apart.first, apart.second, apart.dt % width)
    of_true = Candidates(pairs.first[true], pairs.second[true], pairs.dt[true])
    return Material(quantities_of(examples, of_true), quantities_of(examples, random), 1 / SPAN)


def fitted(material: Material, shape: Shape) -> Tables:
    """Return factors whose product gives, times the randoms, the true pairs in every row and column (iterative proportional fitting)."""
    bins, tables = shape.bins, shape.tables
    of_true, of_random = ([places(of, axes, bins) for axes in tables] for of in (material.true, material.random))
    factors = [np.zeros((bins, bins)) for _ in tables]
    score = np.full(len(of_random[0][0]), np.log(material.weight))
    for _ in range(ROUNDS):
        for number in range(len(tables)):
            counts, expected = np.zeros((bins, bins)), np.zeros((bins, bins))
            np.add.at(counts, of_true[number], 1.0)
            np.add.at(expected, of_random[number], np.exp(score))
            counts, expected = (gaussian_filter(of, shape.smoothing, mode="nearest") for of in (counts, expected))
            mean = counts.sum() / expected.sum()
            step = np.log((counts + PRIOR / bins) / (expected + PRIOR / bins / mean))
            factors[number] += step
            score += step[of_random[number]]
    return Tables(shape, tuple(factors))


def tuned_tables(sample: Sample, sets: Sequence[tuple[Axes, ...]] = (PLAIN, RICH, RICHER)) -> tuple[Tables, float]:
    """Return the tables of the shape, shift and threshold that do best on the half of the slices they were not fitted to, and their F1 there."""
    halves = [slices_of(sample, half) for half in (0, 1)]
    material = material_of(halves[0])
    options = [fitted(material, Shape(*shape)) for shape in product(sets, BINS, SMOOTHINGS)]
    pairs = candidates(halves[1].examples, WINDOW)
    quantities = quantities_of(halves[1].examples, pairs)
    scores = [best_threshold(tables, halves[1], pairs, tables.log_ratio(quantities)) for tables in options]
    best, f1 = max(scores, key=lambda found: found[1])
    final = fitted(material_of(sample), best.shape)
    return replace(final, shift=best.shift, threshold=best.threshold), f1


def best_threshold(tables: Tables, sample: Sample, pairs: Candidates, log_ratio: Array) -> tuple[Tables, float]:
    """Return the tables with the shift and threshold of largest F1, and this F1."""
    best, highest, n = tables, -1.0, len(sample.truth.row)
    for shift in SHIFTS:
        probability, _ = matching_marginals(n, pairs.first, pairs.second, log_ratio + shift)
        for threshold in THRESHOLDS:
            chosen = probability >= threshold
            f1 = f1_of(sample, pairs.first[chosen], pairs.second[chosen])
            if f1 > highest:
                best, highest = replace(tables, shift=float(shift), threshold=float(threshold)), f1
    return best, highest


def slices_of(sample: Sample, half: int) -> Sample:
    """Return every other slice."""
    rows = np.arange(len(np.asarray(sample.examples["n_owned"]))) % 2 == half
    return replace(sample, examples=take(sample.examples, rows), duration=sample.duration / 2)
