"""What can be said of jets without truth, as of real data: the spectra of their scores and of what these are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....evaluation.classifier_tables import Row
from ....evaluation.drawing import Drawings, drawn
from ....evaluation.result import Evaluation
from ....io.ragged import Array
from ..config import JetsConfig
from .jets_shown import JetsShown

Figures = dict[str, tuple[Array, str]]
"""Title -> values and their name."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def spectra(parts: Sequence[JetsShown], config: JetsConfig) -> Evaluation:
    """Return quantiles and figures of the scores and inputs of jets, and how classes would be given."""
    jets = JetsShown.joined(parts)
    tables: dict[str, list[Row]] = {}
    figures: Figures = {}
    for kind, columns in (("scores", jets.scores), ("inputs", jets.inputs)):
        tables[f"Quantiles of {kind}"] = [_row(name, values) for name, values in columns.items()]
        figures |= {f"Spectrum, {name}": (values, name) for name, values in columns.items() if np.isfinite(values).any()}
    notes = [f"{len(jets)} jets of unknown class: shown are spectra, and nothing is judged. {how_to_give(config)}"]
    if jets.varied:
        notes.append("Variations of the jets (apply.scale, apply.mass_scale, apply.smear) have no effect without classes.")
    return Evaluation(notes=notes, tables=tables, figures=drawn(lambda: _drawings(figures, jets.weight)))


def how_to_give(config: JetsConfig) -> str:
    """Return the sentence that says what the classes take, and how else they are given."""
    taken = "; ".join(f"{name}: {text}" for name, text in config.data.classes.items())
    return f"Classes are by {taken}, which the file does not have: change data.classes, name a branch with --map jet_label=BRANCH, or files with --label."


def _row(name: str, values: Array) -> Row:
    finite = values[np.isfinite(values)]
    found = np.quantile(finite, QUANTILES) if len(finite) else np.full(len(QUANTILES), np.nan)
    return {"of": name, "jets": len(values), "not finite": len(values) - len(finite), **{f"{q:.0%}": float(value) for q, value in zip(QUANTILES, found, strict=True)}}


def _drawings(figures: Figures, weight: Array) -> Drawings:
    from .plots import spectrum_figures

    return spectrum_figures(figures, weight)
