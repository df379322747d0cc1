"""What the benchmarks of `track` measure of one engine, and of two on the same frames; no script."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pphysml.evaluation.comparison import mcnemar
from pphysml.evaluation.uncertainty import Interval, bootstrap_means, percentile_interval
from pphysml.io.ragged import Array, Columns, length, ragged, slice_rows
from pphysml.tasks.track.config import DataConfig, TrackConfig
from pphysml.tasks.track.judging.metrics import PUBLISHED
from pphysml.tasks.track.judging.published_metrics import (
    MIN_LAST_DEDX,
    MIN_LAST_EDEP,
    published_rates,
)
from pphysml.tasks.track.judging.rates import REPLICAS, TRACKS, Rate, rate_interval
from pphysml.tasks.track.judging.track_metrics import Counts, tally_tracks
from pphysml.tasks.track.judging.wepl_metrics import residual_metrics, residuals
from pphysml.tasks.track.models.graph import candidate_links
from pphysml.tasks.track.output.columns import output_columns
from pphysml.tasks.track.tracks.links import Links
from pphysml.tasks.track.tracks.true_tracks import Hits, tracks_of, true_hits

Finder = Callable[[Columns], Links]
FRAMES_AT_A_TIME = 20
CLEAR = 2.0
"""Standard deviations by which perfect links must be ahead for a share of the gap to mean anything."""

JUDGED = ("complete_efficiency", "track_purity")


@dataclass(frozen=True)
class Answer:
    """What became of an engine's links: counts per owner, published rates per frame, residuals per track."""

    counts: Counts
    published: dict[str, Array]
    residuals: Counts


def find(finder: Finder, examples: Columns) -> tuple[Links, float]:
    """Return the links of all frames, and CPU milliseconds per frame without those of a first call."""
    finder(slice_rows(examples, 0, 1))
    previous, probability, first = [], [], 0
    began = time.process_time()
    for start in range(0, length(examples), FRAMES_AT_A_TIME):
        found = finder(slice_rows(examples, start, start + FRAMES_AT_A_TIME))
        previous.append(np.where(found.previous >= 0, found.previous + first, -1))
        probability.append(found.probability)
        first += len(found.previous)
    spent = time.process_time() - began
    return Links(np.concatenate(previous), np.concatenate(probability)), 1e3 * spent / length(examples)


def judge(examples: Columns, links: Links, config: TrackConfig) -> Answer:
    hits = true_hits(examples)
    columns = output_columns(examples, links, config)
    tracks = tracks_of(examples, columns)
    published: dict[str, Array] = {}
    cuts = {"": ragged(examples, "edep").flat > MIN_LAST_EDEP, "_scaled": ragged(examples, "dedx").flat > MIN_LAST_DEDX}
    for suffix, passed in cuts.items():
        names = (f"published_purity{suffix}", f"published_efficiency{suffix}")
        published |= dict(zip(names, published_rates(hits, tracks, passed), strict=True))
    assert set(published) == set(PUBLISHED)
    return Answer(tally_tracks(hits, tracks), published, residuals(examples, columns, hits, tracks))


def all_true_links(examples: Columns) -> Links:
    previous = true_hits(examples).previous
    return Links(previous, np.ones(len(previous), dtype=np.float32))


def true_candidates(examples: Columns, options: DataConfig) -> Links:
    """Return the true links that are among a network's candidates."""
    true, (deep, shallow) = true_hits(examples).previous, candidate_links(examples, options)
    previous, right = np.full(len(true), -1, dtype=np.int64), true[deep] == shallow
    previous[deep[right]] = shallow[right]
    return Links(previous, np.ones(len(previous), dtype=np.float32))


def figures(answer: Answer) -> dict[str, list[float]]:
    """Return every metric as value, error down, error up."""
    found = {name: rate_interval(answer.counts, rate, REPLICAS) for name, rate in TRACKS.items()}
    for name, values in answer.published.items():
        known = values[np.isfinite(values)]
        found[name] = percentile_interval(float(known.mean()), bootstrap_means(known)[:, 0])
    found |= {m.name: Interval(m.value, m.low, m.high) for m in residual_metrics(answer.residuals)}
    return {name: errors(interval) for name, interval in found.items()}


def errors(interval: Interval) -> list[float]:
    return [round(float(v), 5) for v in (interval.value, interval.value - interval.low, interval.high - interval.value)]


def compared(network: Answer, other: Answer, perfect: Answer) -> dict[str, Any]:
    """Return differences of the judged rates on the same protons, and the share of the gap that is closed.

    Protons are resampled, with the noise of a frame as one more, the same for all three. McNemar's test
    takes protons as independent; `sigma_frames` is the difference over its error when frames are
    resampled, since two protons of a frame that swap hits are wrong together.
    """
    found = {name: _difference([a.counts for a in (network, other, perfect)], TRACKS[name]) for name in JUDGED}
    protons = network.counts["protons"] > 0
    test = mcnemar(*(a.counts["complete"][protons] > 0 for a in (network, other)))
    found["complete_efficiency"] |= {"only_network": test.only_a, "only_other": test.only_b, "sigma_mcnemar": round(test.sigma, 2)}
    return found


def _difference(counts: Sequence[Counts], rate: Rate) -> dict[str, Any]:
    columns = np.stack([c[name] for c in counts for name in (rate.passed, rate.of)], axis=1).astype(float)
    drawn = _rates(bootstrap_means(columns, REPLICAS))
    a, b, best = _rates(columns.mean(0, keepdims=True))[0]
    frame = counts[0]["frame"]
    by_frame = _rates(bootstrap_means(np.stack([np.bincount(frame, column) for column in columns.T], axis=1), REPLICAS))
    gain, gap = drawn[:, 0] - drawn[:, 1], drawn[:, 2] - drawn[:, 1]
    return {
        "difference": errors(percentile_interval(a - b, gain)),
        "sigma_protons": _sigma(a - b, gain),
        "sigma_frames": _sigma(a - b, by_frame[:, 0] - by_frame[:, 1]),
        "gap_closed": errors(percentile_interval((a - b) / (best - b), gain / gap)) if _sigma(best - b, gap) > CLEAR else None,
    }


def _sigma(value: float, replicas: Array) -> float:
    width = float(np.std(replicas))
    return round(float(value) / width, 2) if width else 0.0


def _rates(means: Array) -> Array:
    """Return passed / of for each engine, (replicas, engines), from interleaved columns."""
    with np.errstate(divide="ignore", invalid="ignore"):
        rates: Array = means[:, 0::2] / means[:, 1::2]
    return rates


def disagreement(first: Links, second: Links, hits: Hits) -> tuple[float, float]:
    """Return the share of hits whose previous hit differs between two answers, as it is and normalised.

    Two answers with error rates q and q' differ in at least |q - q'| and at most min(q + q', 1) of the
    hits; normalised, 0 and 1 are these bounds: 0 if they make the same errors, as far as their numbers
    allow, 1 if they have none in common. Source: M. Klabunde, F. Lemmerich, ECML PKDD 2022.
    """
    differ = float((first.previous != second.previous).mean())
    wrong = [float((links.previous != hits.previous).mean()) for links in (first, second)]
    low, high = abs(wrong[0] - wrong[1]), min(sum(wrong), 1.0)
    return differ, (differ - low) / (high - low) if high > low else 0.0


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def shown(figure: Sequence[float] | None, digits: int = 3) -> str:
    """Return value and error as text; the error alone if it is the same on both sides."""
    if figure is None or not np.isfinite(figure[0]):
        return ""
    value, down, up = (f"{v:.{digits}f}" for v in figure)
    return f"{value} ± {up}" if down == up else f"{value} -{down} +{up}"


def changed(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value != defaults[name]}
