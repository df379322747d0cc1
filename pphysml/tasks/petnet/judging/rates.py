"""The metrics that are ratios of counts: what is counted over what, with resampled clusters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from ....evaluation.result import Metric
from ....evaluation.uncertainty import Interval, percentile_interval, wilson
from ....io.ragged import Array
from .classes import WORDS, Knowledge, PairClass
from .cluster_counts import CLASSES, MANY, ClusterCounts

REPLICAS = 1000
TABLE_REPLICAS = 300


class Rate(NamedTuple):
    """A ratio of sums of counts of `cluster_counts`; a name given twice counts twice."""

    passed: tuple[str, ...]
    of: tuple[str, ...]
    definition: str
    needs_phantom: bool = False


_TARGET = ("Target: an event with a pair of singles, in the energy and the coincidence window, of both photons of one "
           "annihilation (of one event, if photons are not told), scattered in the object or not")
_PAIRS = "over all prompt pairs reported"

RATES = {
    "pair_f1": Rate(("found", "found"), ("pairs", "targets"), f"Harmonic mean of pair_precision and pair_recall. {_TARGET}"),
    "pair_precision": Rate(("found",), ("pairs",), f"Targets of which a pair was reported, {_PAIRS}: further pairs of the same target are false"),
    "pair_recall": Rate(("found",), ("targets",), "Targets of which a pair was reported, over all targets"),
    "unscattered_f1": Rate(("unscattered_found", "unscattered_found"), ("pairs", "unscattered_targets"),
                           "As pair_f1, of targets that have a pair not scattered in the object; scattered pairs are false", True),
    "unscattered_recall": Rate(("unscattered_found",), ("unscattered_targets",),
                               "Targets that have a pair not scattered in the object of which such a pair was reported, over all such targets", True),
    "randoms_fraction": Rate(("accidental",), ("pairs",), f"Pairs of singles of different events, or with noise, {_PAIRS}"),
    "scatter_fraction": Rate(("scattered",), ("true", "scattered"), "Pairs of one annihilation scattered in the object, over all pairs of one annihilation reported", True),
    "repeated_fraction": Rate(("repeated",), ("pairs",), f"Pairs of a target of which another pair was reported too, {_PAIRS}"),
    "hit_f1": Rate(("hits_found", "hits_found"), ("hits", "targets", "targets"),
                   "Single by single, tolerance 0 (the very single): singles in reported pairs that belong to a target's pairs, two at "
                   "most for each target, against all singles in reported pairs and two for each target. It does not ask which belong together"),
}
"""Name -> rate; those with `needs_phantom` say nothing where scatterings in the object are not told."""

DELAYED = Rate(("delayed",), ("accidental",), "Delayed pairs over prompt pairs of different events or with noise; 1 if delayed pairs estimate the randoms")


def rate_metrics(counts: ClusterCounts, known: Knowledge) -> Iterator[Metric]:
    """Yield the rates with errors from resampled clusters."""
    total, drawn = counts.total, counts.resampled(REPLICAS)
    rates = RATES | ({"delayed_over_randoms": DELAYED} if total["delayed"] else {})
    for name, rate in rates.items():
        if known.any_scattered or not rate.needs_phantom:
            yield Metric(name, *rate_interval(rate, total, drawn), int(_sum(total, rate.of)), f"{rate.definition}; clusters of singles resampled.")


def rate_interval(rate: Rate, total: Mapping[str, int], drawn: Mapping[str, Array]) -> Interval:
    """Return a rate with its interval over replicas; Wilson's where all of them agree."""
    passed, of = int(_sum(total, rate.passed)), int(_sum(total, rate.of))
    if not of:
        return wilson(0, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        interval = percentile_interval(passed / of, _sum(drawn, rate.passed) / _sum(drawn, rate.of))
    return interval if interval.low < interval.high or passed > of else wilson(passed, of)


def class_table(counts: ClusterCounts) -> list[dict[str, Any]]:
    """Return how many prompt pairs are of each class, and their share with its interval."""
    total, drawn = counts.total, counts.resampled(TABLE_REPLICAS)
    rows = []
    for name, kind in zip(CLASSES, PairClass, strict=True):
        share = rate_interval(Rate((name,), ("pairs",), ""), total, drawn)
        rows.append({"class": name.replace("_", " "), "pairs": total[name], "share": share.value, "low": share.low,
                     "high": share.high, "what it is": WORDS[kind]})
    return rows


def multiplicity_table(counts: ClusterCounts) -> list[dict[str, Any]]:
    """Return the rates by the number of singles in the energy window of a cluster."""
    rows = []
    for number, chosen in counts.by_singles():
        total, drawn = chosen.total, chosen.resampled(TABLE_REPLICAS)
        if total["targets"] or total["pairs"]:
            row = {"singles in the cluster": f"{number} or more" if number == MANY else str(number), "clusters": int(chosen.clusters.sum()),
                   "targets": total["targets"], "pairs": total["pairs"]}
            for name in ("pair_f1", "pair_precision", "pair_recall", "randoms_fraction"):
                interval = rate_interval(RATES[name], total, drawn)
                row |= {name.replace("_", " "): interval.value, f"{name.replace('_', ' ')} low": interval.low,
                        f"{name.replace('_', ' ')} high": interval.high}
            rows.append(row)
    return rows


def _sum(columns: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return sum(columns[name] for name in names)
