"""How well decay trees are reconstructed: perfect matrices, elements, valid trees, calibration."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import InputError
from ....evaluation.calibration import brier_score, calibration_error, log_loss, reliability
from ....evaluation.drawing import Drawings, drawn
from ....evaluation.result import Evaluation, Metric
from ....evaluation.uncertainty import (
    Interval,
    clustered_fraction,
    sampled_strata_fraction,
    stratified_fraction,
    weighted_fraction,
    wilson,
)
from ....io.ragged import Array, Columns, length, ragged, take
from ..config import LcagConfig
from ..trees.validity_rules import ONE_TREE, ValidityRules
from .event_outcomes import Events, NodeMasses, calibrated, compare, join, n_bins, node_masses
from .forest_metrics import (
    Forests,
    compare_forests,
    efficiency_against_purity,
    forest_metrics,
    forest_tables,
)
from .mass_hypotheses import compare_hypotheses, hypothesis_metrics

CUTS = (6, 10)
"""Numbers of leaves up to which arXiv:2208.14924 quotes its results."""

OF_EVENTS = "The error is that of the events, for just these {}, as where they are all those of the training."
OF_SAMPLE = "The error is that of the choice of {} {} too, as where they are a sample of others than those of the training."


class LcagEvaluator:
    """Accumulates per-event numbers over chunks; see `contract.Evaluator`."""

    def __init__(self, config: LcagConfig) -> None:
        self.config = config
        self.rules = config.data.rules
        self.single = 0
        self.parts: list[Events] = []
        self.masses: list[NodeMasses] = []
        self.forests: list[Forests] = []
        self.hypotheses: list[Array] = []

    def update(self, examples: Columns, predictions: Columns) -> None:
        """Add events.

        Args:
            examples: with `p4` and the truth `lcag`.
            predictions: columns of `schema.OUTPUT_FIELDS`, row by row.

        Raises:
            InputError: there is no truth.
        """
        if "lcag" not in examples:
            raise InputError("Evaluating needs the truth: give files with the branch `parent` or `lcag`.")
        if length(examples) != length(predictions):
            raise ValueError(f"{length(examples)} examples, but {length(predictions)} predictions")
        several = ragged(examples, "p4").counts >= 2
        self.single += int((~several).sum())
        truth, found = take(examples, several), take(predictions, several)
        events = compare(truth, found, self.rules)
        self.parts.append(events)
        if "node_mass" in found:
            self.masses.append(node_masses(truth, found, events.perfect))
        if "hypothesis" in examples and "mass_hypothesis" in predictions:
            self.hypotheses.append(compare_hypotheses(examples, predictions, self.config.data.hypotheses))
        if self.rules.forest:
            self.forests.append(compare_forests(examples, predictions))

    def result(self) -> Evaluation:
        """Return metrics with errors, tables and figures of everything added."""
        events = join(self.parts)
        masses = NodeMasses(*(
            np.concatenate([getattr(m, name) for m in self.masses])
            for name in ("truth", "decoded", "perfect")
        )) if self.masses else None
        return Evaluation(
            metrics=[*perfect_metrics(events, self.rules), *element_metrics(events), *calibration_metrics(events, self.rules),
                     *forest_metrics(self.forests), *hypothesis_metrics(self.hypotheses)],
            tables={**tables(events, self.rules), **forest_tables(self.forests)},
            figures=drawn(lambda: self._drawings(events, masses)),
            cases={"perfect": events.perfect, "perfect_raw": events.perfect_raw, "n_leaves": events.n},
            notes=list(self._notes(events)),
        )

    def _drawings(self, events: Events, masses: NodeMasses | None) -> Drawings:
        from .plots import figures

        return figures(events, masses, self.rules, efficiency_against_purity(self.forests))

    def _notes(self, events: Events) -> Iterator[str]:
        if self.single:
            yield (f"{self.single} events of fewer than two leaves have only one possible tree; "
                   "they are in no metric.")
        if "topology" not in events.others:
            yield "The topology of the events is not known: every event counts alike."


def perfect_metrics(events: Events, rules: ValidityRules = ONE_TREE) -> Iterator[Metric]:
    """Yield the shares of perfect matrices: decoded and argmax, up to 6, up to 10, and all leaves."""
    largest = events.n.max(initial=0)
    for cut in (*(c for c in CUTS if c < largest), None):
        chosen = np.ones(len(events.n), dtype=bool) if cut is None else events.n <= cut
        suffix = "" if cut is None else f"_up_to_{cut}"
        which = "two or more leaves" if cut is None else f"2 to {cut} leaves"
        for base, right, matrix in _matrices(events):
            words = (f"Share of events of {which} in which every off-diagonal element of the "
                     f"{matrix} matrix is right" + (", and so are the background leaves" if rules.forest and not base else ""))
            name, passed = f"perfect_lcag{base}{suffix}", right[chosen]
            every = wilson(int(passed.sum()), len(passed))
            if "topology" not in events.others:
                yield _metric(name, every, len(passed), f"{words}; every event counts alike. {OF_EVENTS.format('decays')}")
                if not base and "decay" in events.others:
                    yield _of_other_decays(events, passed, chosen, f"{name}_other_decays", words)
                continue
            topology = events.others["topology"][chosen]
            shares = f"{words}: mean over topologies of each one's share."
            yield _metric(name, stratified_fraction(passed, topology), len(passed), f"{shares} {OF_EVENTS.format('topologies')}")
            if not base:
                yield _metric(f"{name}_other_topologies", sampled_strata_fraction(passed, topology), len(passed),
                              f"{shares} {OF_SAMPLE.format(_number(topology), 'topologies')}")
            if cut is None:
                yield _metric(f"{name}_event_mean", every, len(passed), f"{words}; every event counts alike.")
    if "weight" in events.others:
        yield _metric("perfect_lcag_weighted", weighted_fraction(events.perfect, events.others["weight"]),
                      len(events.n), "As perfect_lcag, with the events' weights.")


def _of_other_decays(events: Events, passed: Array, chosen: Array, name: str, words: str) -> Metric:
    """Return the share of perfect matrices with the error of decays that are a random sample."""
    decay = events.others["decay"][chosen]
    _, which = np.unique(decay, return_inverse=True)
    interval = clustered_fraction(np.bincount(which, passed), np.bincount(which))
    sample = OF_SAMPLE.format(_number(decay), "kinds of trees")
    return _metric(name, interval, len(passed), f"{words}; every event counts alike. {sample}")


def _number(kinds: Array) -> int:
    return len(np.unique(kinds))


def element_metrics(events: Events) -> Iterator[Metric]:
    """Yield the shares of right elements and of valid trees."""
    elements = events.n * (events.n - 1)
    for base, wrong, matrix in (("", events.wrong, "decoded"), ("_raw", events.wrong_raw, "argmax")):
        yield _metric(
            f"element_accuracy{base}", clustered_fraction(elements - wrong, elements),
            int(elements.sum()) // 2,
            f"Right off-diagonal elements of the {matrix} matrix over all pairs of leaves; events, "
            "not pairs, count as independent.",
        )
    rule = "symmetric, ultrametric and, for generations, without gaps (each level h above 1 rests on a level h - 1)"
    yield _metric("valid_fraction", _share(events.valid), len(events.n),
                  f"Share of events whose decoded matrix is a tree: {rule}.")
    if "raw_valid" in events.others:
        yield _metric("valid_fraction_raw", _share(events.others["raw_valid"]), len(events.n),
                      f"Share of events whose argmax matrix is a tree: {rule}.")


def calibration_metrics(events: Events, rules: ValidityRules) -> Iterator[Metric]:
    """Yield how far `tree_prob` is from the frequency of perfect trees, if an engine gives it."""
    probability, right = calibrated(events, rules)
    if not len(right):
        return
    n = len(right)
    which = "all events" if rules.forest else "events of three or more leaves, where trees compete"
    share = f"the probability of the decoded tree; {which}"
    bins = n_bins(n)
    yield _metric("calibration_error", calibration_error(probability, right, bins), n,
                  f"Mean over {bins} bins of equal numbers of |share of perfect trees - mean "
                  f"probability|, of {share}; chance alone makes it positive.")
    yield _metric("brier_score", brier_score(probability, right), n,
                  f"Mean of (probability - perfect)^2, of {share}.")
    yield _metric("log_loss", log_loss(probability, right), n,
                  f"Mean of -log of the probability given to what happened, of {share}.")


def tables(events: Events, rules: ValidityRules) -> dict[str, list[dict[str, Any]]]:
    """Return perfect trees by leaves, by depth, by both, by topology, and the reliability table."""
    by = {
        "Perfect trees by number of leaves": {"leaves": events.n},
        "Perfect trees by height of the root": {"height": events.height},
        "Perfect trees by height and number of leaves": {"height": events.height, "leaves": events.n},
    }
    found = {title: group(events, keys) for title, keys in by.items()}
    if "topology" in events.others:
        found["The ten worst topologies"] = worst_topologies(events)
    probability, right = calibrated(events, rules)
    if len(right):
        found["Reliability of the tree probability"] = reliability(probability, right, n_bins(len(right))).rows
    return found


def group(events: Events, keys: dict[str, Array]) -> list[dict[str, Any]]:
    """Return one row per combination of keys that occurs: events, perfect share with 68 % interval."""
    if not len(events.n):
        return []
    values, which, n = np.unique(
        np.stack(list(keys.values())), axis=1, return_inverse=True, return_counts=True)
    which = which.ravel()
    perfect = wilson(np.bincount(which, events.perfect), n)
    raw = wilson(np.bincount(which, events.perfect_raw), n)
    return [
        {
            **{name: int(value) for name, value in zip(keys, values[:, i], strict=True)},
            "events": int(n[i]),
            "perfect": float(perfect.value[i]), "low": float(perfect.low[i]), "high": float(perfect.high[i]),
            "perfect argmax": float(raw.value[i]), "argmax low": float(raw.low[i]), "argmax high": float(raw.high[i]),
        }
        for i in range(len(n))
    ]


def worst_topologies(events: Events, shown: int = 10) -> list[dict[str, Any]]:
    """Return the rows of the topologies with the smallest share of perfect trees."""
    topology = events.others["topology"]
    rows = group(events, {"topology": topology})
    _, which = np.unique(topology, return_inverse=True)
    leaves = np.bincount(which, events.n) / np.bincount(which)
    rows = [{**row, "mean leaves": float(size)} for row, size in zip(rows, leaves, strict=True)]
    return sorted(rows, key=lambda row: (row["perfect"], row["topology"]))[:shown]


def _matrices(events: Events) -> tuple[tuple[str, NDArray[np.bool_], str], ...]:
    return ("", events.perfect, "decoded"), ("_raw", events.perfect_raw, "argmax")


def _share(passed: Array) -> Interval:
    return wilson(int(passed.sum()), len(passed))


def _metric(name: str, interval: Interval, n: int, definition: str) -> Metric:
    return Metric(name, float(interval.value), float(interval.low), float(interval.high), n, definition)
