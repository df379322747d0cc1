"""Selected jets with what is shown of them: scores, and what these are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ....contract import VARIED
from ....io.ragged import Array, Columns
from ..config import JetsConfig
from ..reading.values import values_of
from ..schema import PREFIX
from .constituents_shown import of_constituents
from .jets_seen import event_numbers


@dataclass(frozen=True)
class JetsShown:
    """Selected jets, whose class need not be known.

    Attributes:
        weight: of each, (n,).
        event: number that jets of one event share, (n,).
        label: number of its class, -1 of none or where it is not known, (n,).
        scores, inputs: values by name, (n,) each.
        varied: whether there are scores under variations, of which nothing can be said.
    """

    weight: Array
    event: Array
    label: Array
    scores: dict[str, Array]
    inputs: dict[str, Array]
    varied: bool

    @classmethod
    def of(cls, examples: Columns, predictions: Columns, config: JetsConfig, further: Sequence[str] = ()) -> JetsShown:
        """Take the selected jets of a chunk, and what an engine says of them.

        Args:
            further: columns that are shown beside the inputs, where they are there.
        """
        rows = np.asarray(examples["selected"], bool)
        inputs = [config.apply.score] if config.apply.score is not None else config.model.inputs
        texts = list(dict.fromkeys([*inputs, *config.model.against, *(name for name in further if name in examples)]))
        values = values_of(texts, examples)[rows]
        scores = {name.removeprefix(PREFIX): np.asarray(column)[rows] for name, column in predictions.items() if name.startswith(PREFIX) and np.asarray(column).dtype.kind == "f"}
        inside = {name: column[rows] for name, column in of_constituents(examples, config).items()}
        return cls(np.asarray(examples["weight"], float)[rows], event_numbers(examples, config)[rows], np.asarray(examples["class"])[rows],
                   scores, {**dict(zip(texts, values.T, strict=True)), **inside}, any(VARIED in name for name in predictions))

    @classmethod
    def joined(cls, parts: Sequence[JetsShown]) -> JetsShown:
        """Return the jets of several parts, with the inputs that all have."""
        def all_of(value: Callable[[JetsShown], Array]) -> Array:
            return np.concatenate([value(part) for part in parts])

        first, names = parts[0], [name for name in parts[0].inputs if all(name in part.inputs for part in parts)]
        return cls(all_of(lambda p: p.weight), all_of(lambda p: p.event), all_of(lambda p: p.label),
                   {name: np.concatenate([part.scores[name] for part in parts]) for name in first.scores},
                   {name: np.concatenate([part.inputs[name] for part in parts]) for name in names}, first.varied)

    def __len__(self) -> int:
        return len(self.weight)
