"""How well protons are tracked: complete tracks, links, published rates, range, all beside perfect links."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from ....evaluation.drawing import Drawings, drawn
from ....evaluation.result import Evaluation, Metric
from ....evaluation.uncertainty import bootstrap_means, percentile_interval
from ....io.ragged import Array, Columns, length, ragged, take
from ..config import TrackConfig
from ..models.graph import candidate_links
from ..output.columns import output_columns
from ..output.wepl_calibration import calibration_of
from ..reading.beams import beam_range
from ..tracks.links import Links
from ..tracks.made_tracks import made_tracks
from ..tracks.tracks import Tracks
from ..tracks.true_tracks import Hits, previous_of, tracks_of, true_hits
from .calibration_fit import CalibrationFit, fit_calibration
from .front_metrics import front_metrics, front_rows
from .plot_data import PlotData
from .published_metrics import MIN_LAST_DEDX, MIN_LAST_EDEP, published_rates
from .rates import by_frames, defined, rate_metrics, rate_row
from .spectra import Spectra, known_phantoms, left_over_phantoms
from .track_metrics import Counts, join, select, tally_links, tally_tracks
from .wepl_metrics import residual_metrics, residual_row, residuals

TRUTH = ("proton", "particle", "primary", "n_protons")
DENSITY_STEP = 25
"""Tables are by numbers of protons in the frame, rounded to multiples of this."""

NO_TRUTH = ("The input has no truth of its hits (eventID, trackID, parentID, or others by --map), so that nothing is compared with it: shown is what the tracks look like. "
            "WEPL is compared with the phantoms that are known (--phantom).")

CALIBRATION = "wepl_calibration.yaml"
"""File of the calibration beside the report."""

MAX_SHOWN = 20_000
"""Hits of a frame that is shown."""

CEILINGS = frozenset({"complete_efficiency", "complete_efficiency_primary", "matched_efficiency", "track_purity"})
REACHABLE = frozenset({"complete_efficiency", "track_purity"})
"""Rates that are also shown of perfect links, and of those among the candidates."""

PUBLISHED = {
    "published_purity": "Tracks of more than four hits, the deepest above 0.0625 MeV, all hits primary and of one proton, over those with all hits primary",
    "published_efficiency": "The same tracks over the protons that have primary hits only",
    "published_purity_scaled": "As published_purity, the cut scaled to the sensor's thickness (2.5 keV/um)",
    "published_efficiency_scaled": "As published_efficiency, the cut scaled to the sensor's thickness (2.5 keV/um)",
}
"""Name -> definition of the rates of arXiv:2407.13420."""


class TrackEvaluator:
    """Accumulates counts over chunks; see `contract.Evaluator`.

    The tracks of perfect links are made beside those of the engine: every true link, among the
    candidates or not, through the same filters and the same fit. They do not depend on the engine.
    """

    def __init__(self, config: TrackConfig) -> None:
        self.config = config
        self._calibration = calibration_of(config.apply.wepl_calibration)
        self.n_frames = self.n_compared = 0
        self.frames: list[Counts] = []
        self.owners: dict[str, list[Counts]] = {"": [], "perfect_": [], "reachable_": []}
        self.residuals: dict[str, list[Counts]] = {"": [], "perfect_": []}
        self.fronts: list[Counts] = []
        self.plot_data = PlotData()
        self.spectra = Spectra()
        self.shown: tuple[Columns, Columns] | None = None

    def update(self, examples: Columns, predictions: Columns) -> None:
        """Add frames; without truth, what needs none.

        Args:
            examples: frames.
            predictions: columns of `schema.OUTPUT_FIELDS`, row by row.
        """
        if length(examples) != length(predictions):
            raise ValueError(f"{length(examples)} examples, but {length(predictions)} predictions")
        examples = {**examples, **_beam_taken(examples, predictions), "phantom": known_phantoms(examples, self.config.apply)}
        self.spectra.add(examples, predictions)
        self.n_frames += length(examples)
        if all(name in examples for name in TRUTH):
            self._compare(examples, predictions)

    def _compare(self, examples: Columns, predictions: Columns) -> None:
        """Add what compares with the truth."""
        hits = true_hits(examples)
        deep, shallow = candidate_links(examples, self.config.data)
        perfect = output_columns(examples, Links(hits.previous, np.ones(len(hits.previous), dtype=np.float32)), self.config, self._calibration)
        self.owners["reachable_"].append(self._placed(tally_tracks(hits, self._reachable(examples, hits, deep, shallow))))
        frames = _frame_columns(examples)
        for prefix, columns in (("", predictions), ("perfect_", perfect)):
            tracks = tracks_of(examples, columns)
            found = tally_tracks(hits, tracks) | tally_links(hits, previous_of(examples, columns), deep, shallow)
            self.owners[prefix].append(self._placed(found))
            self.residuals[prefix].append(self._placed(residuals(examples, columns, hits, tracks)))
            frames |= _published(examples, hits, columns, prefix)
        self.frames.append(frames)
        if "front_proton" in predictions:
            self.fronts.append(front_rows(hits, tracks_of(examples, predictions), predictions))
        self.plot_data.add(examples, predictions, hits)
        self.shown = self.shown or _one_frame(examples, predictions)
        self.n_compared += length(examples)

    def result(self) -> Evaluation:
        """Return metrics with errors, tables and figures of everything added."""
        if not self.n_frames:
            return Evaluation(notes=["There are no frames."])
        tracks = self.spectra.tracks
        if not len(tracks["wepl"]):
            return self._compared() if self.n_compared else Evaluation(notes=[NO_TRUTH, "There are no tracks."])
        # What is calibrated already would be calibrated once more by what is left.
        calibration = None if self.config.apply.wepl_calibration is not None else fit_calibration(tracks)
        found = self._compared() if self.n_compared else Evaluation(notes=[NO_TRUTH])
        found.notes += left_over_phantoms(tracks["file"], self.config.apply)
        found.metrics += self.spectra.metrics()
        found.tables |= self.spectra.tables()
        if calibration is not None:
            found.tables["Calibration of WEPL by known phantoms, mm"] = calibration.table()
            found.notes.append(f"Calibration, written as {CALIBRATION}: {calibration.sentence()}.")
            found.files[CALIBRATION] = calibration.text()
        found.figures |= drawn(lambda: _spectrum_drawings(tracks, calibration))
        return found

    def _compared(self) -> Evaluation:
        """Return what compares with the truth."""
        from ..display.frame_display import frame_html

        frames = join(self.frames)
        owners = {prefix: join(parts) for prefix, parts in self.owners.items()}
        rows = {prefix: join(parts) for prefix, parts in self.residuals.items()}
        found, perfect = owners[""], owners["perfect_"]
        protons = found["protons"] > 0
        return Evaluation(
            metrics=[*rate_metrics(found), *rate_metrics(perfect, "perfect_", CEILINGS),
                     *rate_metrics(owners["reachable_"], "reachable_", REACHABLE),
                     *_published_metrics(frames), *residual_metrics(rows[""]), *_prefixed(residual_metrics(rows["perfect_"])),
                     *(front_metrics(join(self.fronts)) if self.fronts else ())],
            tables=tables(frames, owners, rows),
            figures=drawn(lambda: self._drawings(found, perfect, frames, rows)),
            pages={"Frame": frame_html(*self.shown, 0)} if self.shown else {},
            cases={"complete": found["complete"][protons] > 0, "matched": found["matched"][protons] > 0,
                   "complete_perfect": perfect["complete"][protons] > 0,
                   "n_protons": frames["n_protons"][found["frame"][protons]]},
            notes=list(_notes(found, frames)),
        )

    def _drawings(self, found: Counts, perfect: Counts, frames: Counts, rows: dict[str, Counts]) -> Drawings:
        from ..display.frame_plots import frame_figure
        from .plots import figures

        frame = {"A frame": partial(frame_figure, *self.shown, 0)} if self.shown else {}
        return {**figures(found, perfect, frames, rows, self.plot_data), **frame}

    def _reachable(self, examples: Columns, hits: Hits, deep: Array, shallow: Array) -> Tracks:
        """Return the tracks of the true links that are among the candidates."""
        previous = np.full(len(hits.previous), -1, dtype=np.int64)
        true = hits.previous[deep] == shallow
        previous[deep[true]] = shallow[true]
        return made_tracks(examples, Links(previous, np.ones(len(previous), dtype=np.float32)), self.config)

    def _placed(self, columns: Counts) -> Counts:
        return columns | {"frame": columns["frame"] + self.n_compared}


def _spectrum_drawings(tracks: Counts, calibration: CalibrationFit | None) -> Drawings:
    from .spectrum_plots import spectrum_figures

    return spectrum_figures(tracks, calibration)


def _beam_taken(examples: Columns, predictions: Columns) -> Columns:
    """Return the beam of the frames as the engine took it, which may have estimated it."""
    energy = np.asarray(predictions["beam_energy"], dtype=np.float64)
    energy = np.where(energy > 0, energy, np.nan)
    # The range of a beam that is not estimated may have been shortened by a front tracker.
    same = energy == np.asarray(examples["beam_energy"], dtype=np.float64)
    return {"beam_energy": energy, "beam_range": np.where(same, np.asarray(examples["beam_range"]), beam_range(energy, np.asarray(examples["beam_charge"])))}


def _one_frame(examples: Columns, predictions: Columns) -> tuple[Columns, Columns] | None:
    """Return the first frame that has hits, and not too many for a page, with its predictions."""
    counts = ragged(examples, "layer").counts
    fitting = np.flatnonzero((counts > 0) & (counts <= MAX_SHOWN))[:1]
    return (take(examples, fitting), take(predictions, fitting)) if len(fitting) else None


def tables(frames: Counts, owners: dict[str, Counts], rows: dict[str, Counts]) -> dict[str, list[dict[str, Any]]]:
    """Return the rates and residuals by density and phantom, and the intervals of resampled frames."""
    title = "Tracks by number of protons in the frame"
    keys = {"density": frames["density"]}
    if np.isfinite(frames["phantom"]).any():
        title, keys = "Tracks by phantom and number of protons in the frame", {"phantom": frames["phantom"], **keys}
    found: dict[str, list[dict[str, Any]]] = {title: []}
    ranges: list[dict[str, Any]] = []
    for label, chosen in _groups(keys):
        shown = {key: label[key] for key in label}
        selected = {prefix: _of_frames(columns, chosen) for prefix, columns in owners.items()}
        found[title].append({**shown, "frames": int(chosen.sum()), **rate_row(selected),
                             **_published_row(select(frames, chosen))})
        for prefix, words in (("", "found"), ("perfect_", "perfect links")):
            for name in ("range", "wepl"):
                row = residual_row(_of_frames(rows[prefix], chosen), name)
                ranges += [{**shown, "tracks of": words, "quantity": name, **row}] if row else []
    found["Range and WEPL against the truth, mm"] = ranges
    found["The same rates, frames resampled instead of protons"] = by_frames(owners[""], length(frames))
    return found


def _groups(keys: dict[str, Array]) -> Iterator[tuple[dict[str, float], Array]]:
    """Yield each combination of keys that occurs, with a mask of its frames."""
    values, which = np.unique(np.stack(list(keys.values())), axis=1, return_inverse=True)
    for i in range(values.shape[1]):
        yield {key: float(values[k, i]) for k, key in enumerate(keys)}, which.ravel() == i


def _of_frames(columns: Counts, chosen: Array) -> Counts:
    return select(columns, chosen[columns["frame"]])


def _frame_columns(examples: Columns) -> Counts:
    n = np.asarray(examples["n_protons"], dtype=np.int64)
    phantom = np.asarray(examples["phantom"], float) if "phantom" in examples else np.full(len(n), np.nan)
    return {"n_protons": n, "density": DENSITY_STEP * np.rint(n / DENSITY_STEP), "phantom": phantom}


def _published(examples: Columns, hits: Hits, columns: Columns, prefix: str) -> Counts:
    found: Counts = {}
    tracks = tracks_of(examples, columns)
    cuts = {"": ragged(examples, "edep").flat > MIN_LAST_EDEP, "_scaled": ragged(examples, "dedx").flat > MIN_LAST_DEDX}
    for suffix, passed in cuts.items():
        rates = published_rates(hits, tracks, passed)
        for name, rate in zip(("purity", "efficiency"), rates, strict=True):
            found[f"{prefix}published_{name}{suffix}"] = rate
    return found


def _published_metrics(frames: Counts) -> Iterator[Metric]:
    for prefix in ("", "perfect_"):
        for name, words in PUBLISHED.items():
            values = frames[prefix + name][np.isfinite(frames[prefix + name])]
            if len(values):
                interval = percentile_interval(float(values.mean()), bootstrap_means(values)[:, 0])
                yield Metric(prefix + name, *interval, len(values),
                             f"{defined(prefix, words)}; mean over frames, which are resampled. Pieces of one proton count one by one.")


def _published_row(frames: Counts) -> dict[str, Any]:
    return {name.replace("_", " "): float(np.nanmean(frames[name])) if np.isfinite(frames[name]).any() else np.nan
            for name in PUBLISHED}


def _prefixed(metrics: Iterator[Metric]) -> Iterator[Metric]:
    for m in metrics:
        yield Metric(f"perfect_{m.name}", m.value, m.low, m.high, m.n, defined("perfect_", m.definition))


def _notes(owners: Counts, frames: Counts) -> Iterator[str]:
    protons, primary = int(np.sum(owners["protons"])), int(np.sum(owners["with_primary"]))
    n = frames["n_protons"]
    yield (f"{len(n)} frames of {n.min()} to {n.max()} protons; of {protons} protons with hits {primary} have "
           "primary hits. The others are seen only by their secondaries and cannot be tracked.")
    yield ("perfect_* is what the same filters and the same fit make of all true links, within the angle cuts "
           "or not: the ceiling. reachable_* is the same of those that are among the candidate links.")
