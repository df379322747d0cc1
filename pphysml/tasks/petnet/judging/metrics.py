"""How well coincidences are found: pairs against the truth, noise-equivalent counts, bias of the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....errors import InputError
from ....evaluation.drawing import Drawings, drawn
from ....evaluation.result import Evaluation, Metric
from ....io.ragged import Array, Columns, Ragged
from ..reading.given_pairs import GIVEN
from ..reading.losses import Losses
from ..scanner.scanner import load_scanner
from .classes import Knowledge
from .cluster_counts import ClusterCounts, cluster_counts
from .distances import distance_table
from .images import image_metrics
from .kept_lines import Chosen, KeptLines
from .line_counts import LineCounts
from .necr import CONTAINED, learned_radius, necr_metrics
from .of_given_pairs import of_given_pairs, without_windows
from .options import options_of
from .placing import Placing
from .plot_data import PlotData
from .rate_bins import RateBins
from .rates import REPLICAS, class_table, multiplicity_table, rate_metrics
from .singles_rates import SinglesRates, rates_metrics
from .targets import Targets, Verdict, find_targets, judge
from .truth import CLUSTER, Truth, origins, truth_of

PAIR_FIELDS = ("first", "second", "score", "delayed")
CLASSICAL = "classical"
MAX_CASES = 5_000_000
"""Targets, and clusters, of which it is kept whether they are right."""


class PetEvaluator:
    """Accumulates counts over chunks; see `contract.Evaluator`.

    The axis of lines, of the object and of pictures is that of the scanner, which the first singles show; see `placing`.
    Memory does not grow with the input, but for one byte per target up to `MAX_CASES` and the
    scores of the first pairs.

    Args:
        engine: name of the engine that is judged. Randoms from the rates of singles are those of pairs that pass cuts, as
            the engine classical takes them; of what a likelihood or a network selects they say nothing.
    """

    def __init__(self, config: Any, engine: str = "") -> None:
        self.engine = engine
        self.options = options_of(config)
        self.known = Knowledge()
        self.counts = ClusterCounts()
        self.lines = LineCounts()
        self.rates = RateBins()
        self.singles = SinglesRates(config)
        self.losses = Losses(None if config.scanner is None else load_scanner(config.scanner), axis="z", centre=(0.0, 0.0, 0.0))
        self.plot_data = PlotData()
        self.kept = KeptLines(float(config.apply.offset))
        self._found, self._clean = Cases(), Cases()
        self._given = False
        self._placing = Placing(config.apply.axis, config.apply.centre)

    def update(self, examples: Columns, predictions: Columns) -> None:
        """Add slices.

        Args:
            examples: slices with truth.
            predictions: flat columns of pairs, (P,): first, second (indices of singles in these
                examples), score, delayed.

        Raises:
            InputError: there is no truth.
        """
        for slices in self._placing.add(examples, predictions):
            self._add(*slices)

    def _add(self, examples: Columns, predictions: Columns) -> None:
        """Add slices as a scanner at the origin and along z sees them."""
        if GIVEN in examples and not self._given:
            self._given, self.options = True, without_windows(self.options)
        truth = truth_of(examples, self.options)
        self.known.add(examples, truth)
        first, second, score, delayed = _pairs(predictions)
        prompts = (first[~delayed], second[~delayed])
        targets = find_targets(truth, self.options)
        verdict = judge(truth, targets, *prompts, self.options)
        counts = cluster_counts(truth, targets, verdict, prompts, first[delayed])
        self.counts.add(counts)
        self.lines.add(truth, targets, verdict, prompts, (first[delayed], second[delayed]))
        self.rates.add(_runs(examples), truth, targets, verdict, prompts[0])
        if self.engine == CLASSICAL and not self._given:
            self.singles.add(examples, truth.used)
        if not self._given:
            self.losses.add(examples)
        self.plot_data.add(truth, targets, verdict, prompts, score[~delayed])
        self.kept.add(truth, {"targets": _even(targets.first, targets.second), "prompts": _even(*prompts),
                              "delayed": _even(first[delayed], second[delayed]), "candidates": _candidates(predictions)})
        self._found.add(verdict.found)
        self._clean.add(_clean_clusters(truth, targets, verdict, prompts[0]))

    def result(self) -> Evaluation:
        """Return metrics with errors, tables and figures of everything added."""
        for slices in self._placing.rest():
            self._add(*slices)
        if not len(self.counts.clusters):
            return Evaluation(notes=["There are no singles."])
        radius = self.options.object_radius
        radius = learned_radius(self.lines) if radius is None else radius
        randoms = self.singles.randoms(self.rates.squared) if self.engine == CLASSICAL and not self._given else np.nan
        result = Evaluation(
            metrics=[*rate_metrics(self.counts, self.known), *self._singles_metrics(randoms), *self._line_metrics(radius)],
            tables={"Prompt pairs by class": class_table(self.counts),
                    "Rates by singles of a cluster": multiplicity_table(self.counts),
                    "Rates by distance of the line from the axis": distance_table(self.lines, radius) if np.isfinite(radius) else [],
                    "Counts": [{"count": name.replace("_", " "), "number": value} for name, value in self._totals()]
                    + ([{"count": "randoms from rates of singles", "number": round(randoms)}] if np.isfinite(randoms) else [])},
            figures=drawn(lambda: self._drawings(radius)),
            cases={"found": self._found.values, "clean_cluster": self._clean.values},
            notes=[*self._notes(radius), *self.known.notes],
        )
        return of_given_pairs(result) if self._given else result

    def _drawings(self, radius: float) -> Drawings:
        from .plots import figures

        return figures(self.counts, self.lines, self.rates, self.plot_data, self.kept, radius)

    def _line_metrics(self, radius: float) -> Iterator[Metric]:
        if np.isfinite(radius):
            yield from necr_metrics(self.lines, self.rates.duration, radius, self.known.any_scattered)
            yield from image_metrics(self.lines, radius)

    def _singles_metrics(self, randoms: float) -> Iterator[Metric]:
        yield from rates_metrics(randoms, self.counts.total["accidental"], self.counts.resampled(REPLICAS)["accidental"])

    def _totals(self) -> Iterator[tuple[str, int]]:
        yield "clusters", int(self.counts.clusters.sum())
        yield from ((name, value) for name, value in self.counts.total.items() if name != "singles")

    def _notes(self, radius: float) -> Iterator[str]:
        yield f"Errors are from resampled clusters: {CLUSTER}."
        yield from (f"{name.replace('_', ' ').capitalize()}: {said}." for name, said in self.losses.facts().items())
        if not self._placing.placement.usual:
            yield f"Lines, distances and pictures are seen in the frame of the scanner: {self._placing.placement}; apply.axis and apply.centre set it."
        if self.options.object_radius is None and np.isfinite(radius):
            yield (f"The object's radius is not given: {radius:.3g} mm, within which {CONTAINED:.1%} of the unscattered targets "
                   "pass the axis. Give one radius to compare inputs.")
        if not self.counts.total["delayed"] and not self._given:
            yield "There are no delayed pairs: randoms are not subtracted from the picture, and their estimate is not judged; --set apply.offset=20ns makes some."
        if self._found.full or self._clean.full:
            yield f"Paired comparisons are of the first {MAX_CASES} targets and clusters."


class Cases:
    """Right-or-wrong cases, one byte each, up to `MAX_CASES`."""

    def __init__(self) -> None:
        self._parts: list[Array] = []
        self._n = 0
        self.full = False

    def add(self, right: Array) -> None:
        """Add cases, bool (n,)."""
        room = MAX_CASES - self._n
        self.full |= len(right) > room
        self._parts.append(right[:room])
        self._n += len(self._parts[-1])

    @property
    def values(self) -> Array:
        """All cases, bool (n,)."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=bool)


def _pairs(predictions: Columns) -> tuple[Array, Array, Array, Array]:
    if any(name not in predictions for name in PAIR_FIELDS):
        raise InputError(f"Pairs need the columns {', '.join(PAIR_FIELDS)}.")
    columns = [np.asarray(predictions[name]) for name in PAIR_FIELDS]
    if "candidate" in predictions:
        columns = [column[~np.asarray(predictions["candidate"])] for column in columns]
    first, second, score, delayed = columns
    return first.astype(np.int64), second.astype(np.int64), score, delayed.astype(bool)


def _even(first: Array, second: Array) -> Chosen:
    return first, second, np.ones(len(first))


def _candidates(predictions: Columns) -> Chosen:
    """Return the pairs that are listed with their probabilities only; none where the engine does not list any."""
    first, second, score = (np.asarray(predictions[name]) for name in ("first", "second", "score"))
    listed = np.asarray(predictions["candidate"]) if "candidate" in predictions else np.zeros(len(first), dtype=bool)
    return first[listed].astype(np.int64), second[listed].astype(np.int64), score[listed].astype(np.float64)


def _runs(examples: Columns) -> Array:
    """Return a number for the file and run of each single."""
    run = examples["run"]
    assert isinstance(run, Ragged)
    return (origins(examples) << 32) + run.flat


def _clean_clusters(truth: Truth, targets: Targets, verdict: Verdict, first: Array) -> Array:
    """Return which clusters of two singles or more have all targets found and no false pair."""
    wrong = np.zeros(len(truth.start), bool)
    wrong[targets.cluster[~verdict.found]] = True
    wrong[truth.cluster[first[~verdict.right]]] = True
    return ~wrong[truth.n_used > 1]
