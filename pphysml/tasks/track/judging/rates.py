"""The metrics that are ratios of counts: what is counted over what, with resampled protons."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import Any, NamedTuple

import numpy as np

from ....evaluation.result import Metric
from ....evaluation.uncertainty import Interval, bootstrap_fraction
from ....io.ragged import Array
from .track_metrics import MATCH, Counts

REPLICAS = 1000
TABLE_REPLICAS = 300


class Rate(NamedTuple):
    """A ratio of two counts of `track_metrics.tally_tracks` or `tally_links`, and its definition."""

    passed: str
    of: str
    definition: str


_SHARE = f"{MATCH:.0%}"
_CLUSTERS = ("a merged cluster is a hit of the proton with the largest share, its secondaries included; the track of another one whose "
             "own particle has the next largest may have it, too")
_COMPLETE = f"Protons of which a track has all primary hits and no other hit ({_CLUSTERS})"
_MATCHED = f"Protons that match a track: it has {_SHARE} of their primary hits, and these are {_SHARE} of its hits"
_PRIMARY = "over protons with primary hits"
_TRACKS = "over reconstructed tracks that pass the filters"

TRACKS = {
    "complete_efficiency": Rate("complete", "protons", f"{_COMPLETE}, over all protons with hits"),
    "complete_efficiency_primary": Rate("complete", "with_primary", f"{_COMPLETE}, {_PRIMARY}"),
    "matched_efficiency": Rate("matched", "protons", f"{_MATCHED}; over all protons with hits"),
    "matched_efficiency_primary": Rate("matched", "with_primary", f"{_MATCHED}; {_PRIMARY}"),
    "track_purity": Rate("complete", "tracks", f"Tracks with all and only the primary hits of a proton, {_TRACKS}"),
    "matched_purity": Rate("matched", "tracks", f"Tracks that match a proton as in matched_efficiency, {_TRACKS}"),
    "fake_rate": Rate("fakes", "tracks", f"Tracks of which no proton, with its secondaries, has {_SHARE} of the hits, {_TRACKS}"),
    "duplicate_rate": Rate("duplicates", "tracks", f"Tracks of which {_SHARE} of the hits are primary hits of one proton, without the first of each proton, {_TRACKS}"),
}
"""Rates of protons and tracks; perfect links are shown beside them."""

LINKS = {
    "edge_tpr": Rate("found_candidates", "true_candidates", "True links among the candidates that were made, over all of these"),
    "edge_fpr": Rate("taken_candidates", "false_candidates", "False candidate links that were made, over all of these"),
    "link_efficiency": Rate("found_links", "true_links", "True links (of secondaries too, over any number of layers) that were made, over all of these"),
    "false_link_share": Rate("false_links", "made_links", "Links made that are not true, over all links made"),
    "links_lost": Rate("lost_links", "true_links", "True links that are not among the candidates (angle cuts, layers left out), over all true links"),
}
"""Rates of links."""

OF = {"perfect_": "Perfect links", "reachable_": "Perfect links among the candidates"}
"""Prefix of a metric -> of whose tracks it is."""

RATES = {**TRACKS, **LINKS}


def rate_metrics(owners: Counts, prefix: str = "", names: Set[str] = frozenset(RATES)) -> Iterator[Metric]:
    """Yield the rates with errors from resampled protons.

    Args:
        owners: counts of each proton, and of the noise of each frame.
    """
    for name, rate in RATES.items():
        if name in names:
            value, low, high = rate_interval(owners, rate, REPLICAS)
            words = f"{defined(prefix, rate.definition)}; protons resampled."
            yield Metric(prefix + name, value, low, high, int(np.sum(owners[rate.of])), words)


def defined(prefix: str, definition: str) -> str:
    """Return a definition, with whose tracks it is of for a prefix of `OF`."""
    return f"{OF[prefix]}: {definition[0].lower()}{definition[1:]}" if prefix else definition


def rate_interval(owners: Counts, rate: Rate, replicas: int = TABLE_REPLICAS) -> Interval:
    """Return a rate with its interval over resampled protons, the noise of a frame counting as one more."""
    return bootstrap_fraction(owners[rate.passed], owners[rate.of], replicas)


def rate_row(counts: dict[str, Counts]) -> dict[str, Any]:
    """Return the rates as one row of a table, those that are judged with their interval.

    Args:
        counts: for each prefix of `OF`, and for none, counts of each proton, and of the noise of each frame.
    """
    owners = counts[""]
    row: dict[str, Any] = {"protons": int(np.sum(owners["protons"]))}
    for name in ("complete_efficiency", "track_purity"):
        interval = rate_interval(owners, TRACKS[name])
        words = name.replace("_", " ")
        row |= {words: interval.value, f"{words} low": interval.low, f"{words} high": interval.high,
                f"{words} of perfect links": _ratio(counts["perfect_"], TRACKS[name]),
                f"{words} of reachable links": _ratio(counts["reachable_"], TRACKS[name])}
    others = ("complete_efficiency_primary", "matched_efficiency", "matched_purity", "fake_rate", "duplicate_rate", *LINKS)
    return row | {name.replace("_", " "): _ratio(owners, RATES[name]) for name in others}


def by_frames(owners: Counts, n_frames: int) -> list[dict[str, Any]]:
    """Return the rates with errors from resampled frames: what protons of a frame do to each other counts."""
    frame = owners["frame"]
    rows = []
    for name, rate in RATES.items():
        passed, of = (_sums(owners[column], frame, n_frames) for column in (rate.passed, rate.of))
        value, low, high = bootstrap_fraction(passed, of, REPLICAS)
        rows.append({"metric": name, "value": value, "low": low, "high": high})
    return rows


def _ratio(owners: Counts, rate: Rate) -> float:
    of = float(np.sum(owners[rate.of]))
    return float(np.sum(owners[rate.passed])) / of if of else np.nan


def _sums(values: Array, group: Array, n: int) -> Array:
    return np.bincount(group, values, minlength=n)
