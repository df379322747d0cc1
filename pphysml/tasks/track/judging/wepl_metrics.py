"""Range and water-equivalent path length (WEPL) of tracks against their true values: bias and width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....evaluation.result import Metric
from ....evaluation.uncertainty import bootstrap, percentile_interval
from ....io.ragged import Array, Columns, ragged
from ..output.track_flags import NO_PEAK
from ..tracks.tracks import Tracks
from ..tracks.true_tracks import Hits, matches
from .track_metrics import MATCH, Counts

REPLICAS = 200
WINDOW = 3.0
"""Half-width of the window, in robust widths about the median, in which mean and rms are taken."""

TAIL = 0.15865525393145707
"""Content of a Gaussian's tail beyond one standard deviation."""


def residuals(examples: Columns, predictions: Columns, hits: Hits, tracks: Tracks) -> Counts:
    """Return one row per track that matches a proton and has a range.

    frame: row. range: fitted minus true range, mm. wepl: fitted minus true WEPL, mm. stop: true range,
    mm. peak: whether the track ends in a Bragg peak. NaN where the truth is not known, or, for a range,
    where the proton does not stop by energy loss.
    """
    proton = matches(hits, tracks, MATCH)
    fitted = ragged(predictions, "range").flat
    chosen = (proton >= 0) & np.isfinite(fitted)
    frame = tracks.frame[chosen]
    stop = _stop_depths(examples, hits)[proton[chosen]]
    phantom = np.asarray(examples["phantom"], float)[frame] if "phantom" in examples else np.full(len(frame), np.nan)
    return {"frame": frame, "range": fitted[chosen] - stop, "stop": stop,
            "wepl": ragged(predictions, "wepl").flat[chosen] - phantom,
            "peak": (ragged(predictions, "flags").flat[chosen] & NO_PEAK) == 0}


def median_and_width(values: Array) -> tuple[Array, Array]:
    """Return the median of the last axis and half the width of its central 68.27 %."""
    low, middle, high = np.quantile(values, [TAIL, 0.5, 1 - TAIL], axis=-1)
    return middle, (high - low) / 2


def mean_and_rms(values: Array) -> tuple[float, float, float]:
    """Return mean and rms of the values near the median (`WINDOW`), and the share of the others."""
    middle, width = median_and_width(values)
    near = values[np.abs(values - middle) <= WINDOW * width]
    return float(near.mean()), float(near.std()), 1 - len(near) / len(values)


def residual_metrics(rows: Counts) -> Iterator[Metric]:
    """Yield bias and width of range and WEPL, as far as the truth is known, and those of tracks with a Bragg peak."""
    truths = {"range": "the depth at which the proton stops by energy loss", "wepl": "the thickness of the phantom"}
    which = f"over tracks that match a proton ({MATCH:.0%} of the hits of both)"
    for name, truth in truths.items():
        peak = {key: values[rows["peak"]] for key, values in rows.items()}
        for chosen, suffix, words in ((rows, "", which), (peak, "_peak", f"{which} and end in a Bragg peak")):
            yield from _bias_and_width(_known(chosen, name), f"Fitted {name} minus {truth}, mm", name, suffix, words)


def _bias_and_width(values: Array, what: str, name: str, suffix: str, which: str) -> Iterator[Metric]:
    if not len(values):
        return
    drawn = bootstrap(lambda v: np.stack(median_and_width(v), axis=-1), [values], REPLICAS)
    quantities = (("bias", "median"), ("width", "half the width of the central 68 %"))
    for (quantity, words), value, replicas in zip(quantities, median_and_width(values), drawn.T, strict=True):
        low, high = percentile_interval(float(value), replicas)[1:]
        yield Metric(f"{name}_{quantity}{suffix}", float(value), low, high, len(values), f"{what}: {words} {which}; protons resampled.")


def residual_row(rows: Counts, name: str) -> dict[str, Any]:
    """Return bias and width of `range` or `wepl`, and the width of the true range, mm."""
    values, stop = _known(rows, name), _known(rows, "stop")
    if not len(values):
        return {}
    middle, width = median_and_width(values)
    mean, rms, outside = mean_and_rms(values)
    return {"tracks": len(values), "median": float(middle), "68 % half-width": float(width), "mean (3 widths)": mean,
            "rms (3 widths)": rms, "outside": outside,
            "width of true range": float(median_and_width(stop)[1]) if len(stop) else np.nan}


def _known(rows: Counts, name: str) -> Array:
    values = rows[name].astype(np.float64)
    return values[np.isfinite(values)]


def _stop_depths(examples: Columns, hits: Hits) -> Array:
    """Return the depth at which each proton stops by energy loss, mm, (P,); NaN if it does not."""
    depth = np.full(hits.n_protons, np.nan)
    if "stop_depth" in examples:
        own = hits.primary & (hits.proton >= 0)
        depth[hits.proton[own]] = ragged(examples, "stop_depth").flat[own]
    depth[~(depth >= 0)] = np.nan
    return depth
