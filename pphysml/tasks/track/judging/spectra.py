"""What tracks look like without any truth of theirs: spectra of WEPL and range, flags, and WEPL against known phantoms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ....errors import ConfigError
from ....evaluation.peak import Peak, gaussian_peak
from ....evaluation.result import Metric
from ....evaluation.uncertainty import wilson
from ....io.ragged import Array, Columns, ragged
from ..config import ApplyConfig
from ..imaging.wepl_list import UNUSABLE
from ..output.track_flags import BEYOND, GAP, KINK, LATE, NO_PEAK, SHORT
from ..tracks.true_tracks import tracks_of
from .track_metrics import Counts, join, select
from .wepl_metrics import median_and_width

FLAGS = {KINK: "kink", NO_PEAK: "no Bragg peak at the end", SHORT: "fewer than five hits", LATE: "does not start in the first layer",
         GAP: "leaves out a layer", BEYOND: "stops well behind the range of the beam"}

USABLE = "tracks with a Bragg peak and without a flag that takes them from the list for imaging"


def known_phantoms(examples: Columns, options: ApplyConfig) -> Array:
    """Return the known water-equivalent thickness in front of each frame, mm: as stated of its run, as stated, as in the file, else NaN.

    Raises:
        ConfigError: one is stated for each file, but not for all of them.
    """
    n = len(ragged(examples, "layer"))
    known = np.full(n, np.nan) if "phantom" not in examples else np.asarray(examples["phantom"], dtype=np.float64)
    if len(options.phantom) == 1:
        known = np.full(n, options.phantom[0])
    elif options.phantom:
        file = np.asarray(examples["file"], dtype=np.int64)
        if n and file.max() >= len(options.phantom):
            raise ConfigError(f"apply.phantom: has {len(options.phantom)} values, but there are at least {file.max() + 1} input files; give one for each, or one for all.")
        known = np.array(options.phantom, dtype=np.float64)[file]
    run = np.asarray(examples["run"], dtype=np.int64)
    for number, thickness in options.phantom_of_run.items():
        known = np.where(run == number, thickness, known)
    return known


def left_over_phantoms(file: Array, options: ApplyConfig) -> Iterator[str]:
    """Yield that more thicknesses are stated than there are files, of which some may then have that of another one; `file` is that of each track."""
    n = int(file.max(initial=-1)) + 1
    if len(options.phantom) > max(n, 1):
        yield f"Warning: apply.phantom has {len(options.phantom)} values, but the input has tracks in its first {n} files only; give one for each file, or one for all."


class Spectra:
    """Gathers tracks, with the file, run and phantom of each."""

    def __init__(self) -> None:
        self._parts: list[Counts] = []

    def add(self, examples: Columns, predictions: Columns) -> None:
        """Take frames, with `phantom`, and what an engine made of them."""
        tracks = tracks_of(examples, predictions)
        flags = ragged(predictions, "flags").flat
        self._parts.append({
            **{name: ragged(predictions, name).flat for name in ("wepl", "range")}, "flags": flags,
            "layer": ragged(examples, "layer").flat[tracks.last].astype(np.int64), "usable": (flags & UNUSABLE) == 0,
            **{name: np.asarray(examples[name])[tracks.frame] for name in ("file", "run", "phantom")}})

    @property
    def tracks(self) -> Counts:
        """Columns `wepl` `range` `flags` `layer` (of the last hit) `usable` `file` `run` `phantom` of all tracks."""
        return join(self._parts)

    def metrics(self) -> Iterator[Metric]:
        """Yield the share of tracks that can be used, and peak and width of their WEPL, or of their range where WEPL is not known."""
        tracks = self.tracks
        used = tracks["usable"]
        share = wilson(int(used.sum()), len(used))
        yield Metric("usable_tracks", float(share.value), float(share.low), float(share.high), len(used), f"{USABLE[0].upper()}{USABLE[1:]}, over all tracks.")
        name = quantity(tracks)
        peak = gaussian_peak(tracks[name][used])
        if peak is not None:
            words = f"of the highest peak of {'WEPL' if name == 'wepl' else 'range'} over {USABLE}, mm: Gaussian inside two of its widths."
            for kind, what, value, error in (("peak", "Middle", peak.middle, peak.middle_error), ("width", "Width", peak.width, peak.width_error)):
                yield Metric(f"{name}_spectrum_{kind}", value, value - error, value + error, peak.n, f"{what} {words}")

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return spectra by file, run and phantom; flags; range against the last layer."""
        tracks = self.tracks
        name = quantity(tracks)
        shown = "WEPL" if name == "wepl" else "Range"
        return {f"{shown} by file and run, mm": list(_spectrum_rows(tracks, name)), "Tracks by flag": list(_flag_rows(tracks)),
                "Range by last layer, mm": list(_layer_rows(tracks))}


def quantity(tracks: Counts) -> str:
    """Return `wepl`, or `range` where no track has one."""
    return "wepl" if np.isfinite(tracks["wepl"]).any() else "range"


def groups(tracks: Counts) -> Iterator[tuple[dict[str, float], Array]]:
    """Yield file, run and phantom (NaN where it is not known) of tracks, with a mask of them."""
    keys = np.stack([tracks["file"], tracks["run"], np.nan_to_num(tracks["phantom"].astype(np.float64), nan=-1.0)], axis=1)
    found, row = np.unique(keys, axis=0, return_inverse=True)
    for number, (file, run, phantom) in enumerate(found):
        yield {"file": int(file), "run": int(run), "phantom": float(phantom) if phantom >= 0 else np.nan}, row.ravel() == number


def peak_row(peak: Peak | None) -> dict[str, Any]:
    """Return a peak as columns of a table."""
    values = [np.nan] * 5 if peak is None else [peak.middle, peak.middle_error, peak.width, peak.width_error, peak.outside]
    return dict(zip(("peak", "its error", "width", "error of the width", "outside"), values, strict=True))


def _spectrum_rows(tracks: Counts, name: str) -> Iterator[dict[str, Any]]:
    for label, chosen in groups(tracks):
        used = select(tracks, chosen & tracks["usable"])[name]
        known = used[np.isfinite(used)]
        row = {**label, "tracks": int(chosen.sum()), "usable": len(known), "median": float(np.median(known)) if len(known) else np.nan,
               **peak_row(gaussian_peak(known))}
        yield {**row, "peak less phantom": row["peak"] - label["phantom"]} if name == "wepl" else row


def _flag_rows(tracks: Counts) -> Iterator[dict[str, Any]]:
    flags, n = tracks["flags"], len(tracks["flags"])
    for bit, words in {0: "none", **FLAGS}.items():
        having = (flags == 0) if bit == 0 else (flags & bit) > 0
        yield {"flag": bit, "meaning": words, "tracks": int(having.sum()), "share": float(having.sum()) / max(n, 1)}


def _layer_rows(tracks: Counts) -> Iterator[dict[str, Any]]:
    known = tracks["usable"] & np.isfinite(tracks["range"])
    for layer in np.unique(tracks["layer"]):
        here = tracks["layer"] == layer
        values = tracks["range"][here & known]
        middle, width = median_and_width(values) if len(values) else (np.nan, np.nan)
        yield {"last layer": int(layer), "tracks": int(here.sum()), "usable": len(values), "median range": float(middle), "68 % half-width": float(width)}
