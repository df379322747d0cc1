"""What can be said of jets without truth, as of real data: the spectra of their scores and of what these are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ....contract import VARIED
from ....evaluation.classifier_tables import Row
from ....evaluation.drawing import Drawings, drawn
from ....evaluation.result import Evaluation
from ....io.ragged import Array, Columns
from ..config import JetsConfig
from ..reading.values import values_of
from ..schema import PREFIX

Figures = dict[str, tuple[Array, str]]
"""Title -> values and their name."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class JetsWithoutTruth:
    """Selected jets of unknown class.

    Attributes:
        weight: of each, (n,).
        scores, inputs: values by name, (n,) each.
        varied: whether there are scores under variations, of which nothing can be said.
    """

    weight: Array
    scores: dict[str, Array]
    inputs: dict[str, Array]
    varied: bool

    @classmethod
    def of(cls, examples: Columns, predictions: Columns, config: JetsConfig) -> JetsWithoutTruth:
        """Take the selected jets of a chunk, and what an engine says of them."""
        rows = np.asarray(examples["selected"], bool)
        texts = list(dict.fromkeys([*([config.apply.score] if config.apply.score is not None else config.model.inputs), *config.model.against]))
        values = values_of(texts, examples)[rows]
        scores = {name.removeprefix(PREFIX): np.asarray(column)[rows] for name, column in predictions.items() if name.startswith(PREFIX) and np.asarray(column).dtype.kind == "f"}
        return cls(np.asarray(examples["weight"], float)[rows], scores, dict(zip(texts, values.T, strict=True)), any(VARIED in name for name in predictions))


def spectra(parts: Sequence[JetsWithoutTruth], config: JetsConfig) -> Evaluation:
    """Return quantiles and figures of the scores and inputs of jets, and how classes would be given."""
    weight = np.concatenate([part.weight for part in parts])
    tables: dict[str, list[Row]] = {}
    figures: Figures = {}
    for kind, of_part in (("scores", lambda part: part.scores), ("inputs", lambda part: part.inputs)):
        columns = _joined(parts, of_part)
        tables[f"Quantiles of {kind}"] = [_row(name, values) for name, values in columns.items()]
        figures |= {f"Spectrum, {name}": (values, name) for name, values in columns.items() if np.isfinite(values).any()}
    notes = [f"{len(weight)} jets of unknown class: shown are spectra, and nothing is judged. {how_to_give(config)}"]
    if parts[0].varied:
        notes.append("Variations of the jets (apply.scale, apply.mass_scale, apply.smear) have no effect without classes.")
    return Evaluation(notes=notes, tables=tables, figures=drawn(lambda: _drawings(figures, weight)))


def how_to_give(config: JetsConfig) -> str:
    """Return the sentence that says what the classes take, and how else they are given."""
    taken = "; ".join(f"{name}: {text}" for name, text in config.data.classes.items())
    return f"Classes are by {taken}, which the file does not have: change data.classes, name a branch with --map jet_label=BRANCH, or files with --label."


def _joined(parts: Sequence[JetsWithoutTruth], of_part: Callable[[JetsWithoutTruth], dict[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([of_part(part)[name] for part in parts]) for name in of_part(parts[0])}


def _row(name: str, values: Array) -> Row:
    finite = values[np.isfinite(values)]
    found = np.quantile(finite, QUANTILES) if len(finite) else np.full(len(QUANTILES), np.nan)
    return {"of": name, "jets": len(values), "not finite": len(values) - len(finite), **{f"{q:.0%}": float(value) for q, value in zip(QUANTILES, found, strict=True)}}


def _drawings(figures: Figures, weight: Array) -> Drawings:
    from .plots import spectrum_figures

    return spectrum_figures(figures, weight)
