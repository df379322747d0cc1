"""What can be said of pairs where the singles are not known that are in none."""

from __future__ import annotations

from dataclasses import replace

from ....evaluation.result import Evaluation
from .classes import PairClass
from .options import Options

METRICS = ("pair_precision", "randoms_fraction", "scatter_fraction", "necr", "necr_2r", "scatter_fraction_in_band")
TABLES = ("Prompt pairs by class", "Counts")
FIGURES = ("Energies of pairs", "Time differences of pairs", "Sinogram of the pairs")
COUNTS = ("pairs", *(kind.name.lower().replace("_", " ") for kind in PairClass), "accidental")

NOTE = ("The input holds coincidences: trues, scatters and randoms among them are counted, and the noise-equivalent rate. What singles that are in no pair "
        "would have been is not known, so that there is no recall, no F1, and each pair is a target by itself, also where an event has several; "
        "no window of time or energy is asked for. The time of the rate is that from the first to the last pair of each run.")


def without_windows(options: Options) -> Options:
    """Return options by which any pair may be right, whatever the windows were with which it was taken."""
    return replace(options, window=float("inf"), energy=(0.0, float("inf")))


def of_given_pairs(result: Evaluation) -> Evaluation:
    """Return the part of an evaluation that does not depend on singles that are in no pair."""
    tables = {name: rows for name, rows in result.tables.items() if name in TABLES}
    tables["Counts"] = [row for row in tables.get("Counts", []) if row["count"] in COUNTS]
    return replace(
        result, metrics=[metric for metric in result.metrics if metric.name in METRICS], tables=tables,
        figures={title: figure for title, figure in result.figures.items() if title in FIGURES}, cases={}, notes=[NOTE, *result.notes])
