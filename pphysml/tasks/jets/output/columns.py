"""What is written of each jet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ....io.ragged import Array, Columns
from ....io.schema import Field
from ..config import JetsConfig
from ..schema import COUNTER, EVENT, PREFIX


def output_fields(config: JetsConfig) -> Sequence[Field]:
    """Return the fields of the output: for each jet a probability of each class, and what each signal has against background."""
    data = config.data

    def jet(name: str, help: str) -> Field:
        return Field(PREFIX + name, "particle", "float32", help, counter=COUNTER)

    return (
        *(f for f in EVENT if f.carried),
        *(jet(f"prob_{name}", f"Probability of {name}, if all classes were as frequent.") for name in data.classes),
        *(jet(f"disc_{name}", f"log(p({name}) / p({' or '.join(data.background)})): the larger, the more like {name}.") for name in data.signals),
        *(jet(f"flat_{name}", f"Share of background jets of the same {' and '.join(config.model.against)} that are less like {name}: uniform for background.") for name in data.signals if config.model.fits_map),
        *([replace(jet("left_out", f"Whether the event is of a fold, by data.folds={data.folds}, that the model of the scores has not seen."), dtype="bool")] if data.folds else []),
        *(replace(jet(name, f"Whether the jet passes this working point of {config.apply.working_points}."), dtype="bool") for name in _working_points(config)),
    )


def _working_points(config: JetsConfig) -> list[str]:
    if config.apply.working_points is None:
        return []
    from .working_points import Chosen

    return Chosen.read(config.apply.working_points).names


def score_columns(probabilities: Array, ratios: Array, flat: Array | None, config: JetsConfig) -> Columns:
    """Return the columns of every jet.

    Args:
        probabilities: (n, classes); ratios, flat: (n, signals).
    """
    data = config.data
    return {**{f"{PREFIX}prob_{name}": np.ascontiguousarray(probabilities[:, k]) for k, name in enumerate(data.classes)},
            **{f"{PREFIX}disc_{name}": np.ascontiguousarray(ratios[:, k]) for k, name in enumerate(data.signals)},
            **({} if flat is None else {f"{PREFIX}flat_{name}": np.ascontiguousarray(flat[:, k]) for k, name in enumerate(data.signals)})}
