"""Links to the columns of the output tree: tracks, their hits, and what is fitted to them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged
from ..config import TrackConfig
from ..ranges.wepl import RangeFit, fit_ranges, scattering_chi2
from ..reading.spots import OF_SPOTS
from ..tracks.links import Links, frame_of_hit, live_layers
from ..tracks.made_tracks import made_tracks
from ..tracks.track_fit import Bends, bends, entry_vectors, largest_kink
from ..tracks.tracks import Tracks
from .front_columns import front_columns
from .track_flags import (
    BEYOND,
    BEYOND_ERRORS,
    GAP,
    KINK,
    LARGEST_KINK,
    LATE,
    NO_PEAK,
    SHORT,
    SHORTEST,
)
from .wepl_calibration import WeplCalibration

OF_FRAME = ("frame", "run", "job", "spot_x", "spot_y", *OF_SPOTS, "spot_given", "spot_tx", "spot_ty", "rotation_angle", "beam_energy", "n_protons")


def output_columns(examples: Columns, links: Links, config: TrackConfig, calibration: WeplCalibration | None = None) -> Columns:
    """Return the columns named in `schema.OUTPUT_FIELDS`, one row per frame; WEPL as measured where no calibration is given."""
    tracks = made_tracks(examples, links, config)
    columns: Columns = {name: examples[name] for name in OF_FRAME if name in examples}
    if "beam_energy" in columns:
        columns["beam_energy"] = np.nan_to_num(np.asarray(columns["beam_energy"], dtype=np.float32))
    columns |= _hit_columns(examples, links, tracks)
    columns |= _track_columns(examples, links, tracks, calibration)
    return columns


def _hit_columns(examples: Columns, links: Links, tracks: Tracks) -> Columns:
    layer = ragged(examples, "layer")
    frame = frame_of_hit(examples)
    on_track = tracks.of_hit >= 0
    per_frame = Ragged.from_counts(tracks.frame, np.bincount(tracks.frame, minlength=len(layer)))
    # A hit whose track was left out has no link either.
    linked = on_track & (links.previous >= 0)
    columns: Columns = {
        "hit_entry": ragged(examples, "hit_entry"),
        **{f"hit_{name}": ragged(examples, name) for name in ("layer", "x", "y", "z", "edep")},
        "hit_track_index": _per_hit(layer, np.where(on_track, tracks.of_hit - per_frame.offsets[frame], -1), np.int32),
        "hit_previous": _per_hit(layer, np.where(linked, links.previous - layer.offsets[frame], -1), np.int32),
        "hit_link_prob": _per_hit(layer, np.where(linked, links.probability, 1.0), np.float32),
        "track_hits": Ragged.from_counts(
            (tracks.hits.flat - layer.offsets[tracks.frame[tracks.owner]]).astype(np.int32),
            np.bincount(frame[tracks.hits.flat], minlength=len(layer))),
    }
    return columns | {f"hit_{name}": ragged(examples, name) for name in ("proton", "primary", "second_proton") if name in examples}


def _per_hit(layer: Ragged, values: Array, dtype: type) -> Ragged:
    return Ragged(values.astype(dtype), layer.offsets)


def _calibrated(fit: RangeFit, calibration: WeplCalibration | None) -> RangeFit:
    if calibration is None:
        return fit
    wepl, error = calibration.calibrated(fit.wepl, fit.wepl_error)
    return replace(fit, wepl=wepl, wepl_error=error)


def _track_columns(examples: Columns, links: Links, tracks: Tracks, calibration: WeplCalibration | None) -> Columns:
    fit = _calibrated(fit_ranges(examples, tracks), calibration)
    found = bends(examples, tracks)
    entry = entry_vectors(examples, tracks)
    listed = tracks.hits.flat
    probability = np.where((links.previous[listed] >= 0) & (tracks.of_hit[listed] == tracks.owner), links.probability[listed], 1.0)
    values = {
        "n_hits_of_track": tracks.hits.counts.astype(np.int32),
        "score": np.multiply.reduceat(probability, tracks.hits.offsets[:-1]),
        "chi2": scattering_chi2(examples, tracks, found, fit),
        **dict(zip(("x0", "y0", "tx", "ty"), entry.T, strict=True)),
        "range": fit.range, "range_error": fit.range_error, "energy": fit.energy,
        "wepl": fit.wepl, "wepl_error": fit.wepl_error,
        "flags": track_flags(examples, tracks, found, fit),
    }
    if "front_plane" in examples:
        values |= front_columns(examples, tracks, entry, fit)
    counts = np.bincount(tracks.frame, minlength=len(ragged(examples, "layer")))
    return {name: Ragged.from_counts(v.astype(np.float32) if v.dtype == np.float64 else v, counts) for name, v in values.items()}


def track_flags(examples: Columns, tracks: Tracks, found: Bends, fit: RangeFit) -> Array:
    """Return the column `flags`, uint8 (T,)."""
    # What a dead layer takes away is no fault of the track.
    layer = live_layers(examples)
    counts = tracks.hits.counts
    conditions = {
        KINK: largest_kink(found, tracks) > LARGEST_KINK,
        NO_PEAK: fit.no_peak,
        SHORT: counts < SHORTEST,
        LATE: layer[tracks.first] > 0,
        BEYOND: fit.wepl < -BEYOND_ERRORS * fit.wepl_error,
        GAP: layer[tracks.last] - layer[tracks.first] >= counts,
    }
    flags = np.zeros(len(counts), dtype=np.uint8)
    for bit, holds in conditions.items():
        flags[holds] |= bit
    return flags
