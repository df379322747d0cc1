"""Jets with their scores, of all chunks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ....contract import VARIED, varied
from ....io.hashing import GOLDEN, combined, mixed
from ....io.ragged import Array, Columns, length, take
from ....training.event_split import id_values
from ..config import JetsConfig
from ..reading.assemble import judged
from ..reading.values import values_of
from ..reading.variations import variations
from ..schema import PREFIX

MASS = "against"
"""Name of the first of model.against under a variation."""

PER_FILE = np.uint64(0xBF58476D1CE4E5B9)


@dataclass
class JetsSeen:
    """What is judged of each jet that is of a class and selected.

    Attributes:
        label: number of its class.
        weight: of its event.
        event: number that jets of one event share, by its ids where files have them, else by its entry.
        against: values of model.against, (n, expressions).
        binned: values of apply.binned_in.
        resonance_mass: GeV; -1 where there is none.
        columns: scores by their names without prefix, (n,); under variations of the jets as VARIATION@NAME.
    """

    label: Array
    weight: Array
    event: Array
    against: Array
    binned: Array
    resonance_mass: Array
    columns: dict[str, Array]

    @classmethod
    def of(cls, examples: Columns, predictions: Columns, config: JetsConfig) -> JetsSeen:
        """Take what is judged from examples and what an engine says of them."""
        rows = np.flatnonzero(judged(examples, config))
        chosen = take(examples, rows)
        mass = np.asarray(chosen.get("jet_resonance_mass", np.full(length(chosen), -1.0)), float)
        scores = {name.replace(PREFIX, ""): _lowest_if_unknown(np.asarray(column)[rows]) for name, column in predictions.items() if name.startswith(PREFIX) or VARIED in name}
        for name, changed in variations(chosen, config).items():
            scores[varied(name, MASS)] = values_of(config.model.against[:1], changed)[:, 0]
        return cls(np.asarray(chosen["class"]), np.asarray(chosen["weight"]), event_numbers(chosen, config), values_of(config.model.against, chosen),
                   values_of([config.apply.binned_in], chosen)[:, 0], mass, scores)

    @classmethod
    def joined(cls, parts: list[JetsSeen]) -> JetsSeen:
        """Return the jets of several parts."""
        def all_of(value: Callable[[JetsSeen], Array]) -> Array:
            return np.concatenate([value(part) for part in parts])

        return cls(all_of(lambda p: p.label), all_of(lambda p: p.weight), all_of(lambda p: p.event), all_of(lambda p: p.against), all_of(lambda p: p.binned), all_of(lambda p: p.resonance_mass),
                   {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns})

    def where(self, chosen: Array) -> JetsSeen:
        """Return some of the jets."""
        return JetsSeen(self.label[chosen], self.weight[chosen], self.event[chosen], self.against[chosen], self.binned[chosen], self.resonance_mass[chosen],
                        {name: column[chosen] for name, column in self.columns.items()})

    @property
    def first_half(self) -> Array:
        """Half of the events, the same whatever their order: on it cuts are chosen that are judged on the others."""
        half: Array = (mixed(self.event.astype(np.uint64)) >> np.uint64(63)).astype(bool)
        return half

    def __len__(self) -> int:
        return len(self.label)


def event_numbers(examples: Columns, config: JetsConfig) -> Array:
    """Return a number for each jet that those of one event share, by its ids where files have them, else by its entry, int64 (n,)."""
    file, entry = (np.asarray(examples[name]).astype(np.uint64) for name in ("file", "entry"))
    with np.errstate(over="ignore"):
        by_entry = mixed(entry * GOLDEN + (file + np.uint64(1)) * PER_FILE).astype(np.int64)
    values, known = id_values(examples, config.event_ids)
    # Simulated files of several processes have events of the same number.
    return np.where(known, combined(file, *values).astype(np.int64), by_entry)


def _lowest_if_unknown(score: Array) -> Array:
    """Return scores by which jets that have none pass no cut."""
    return np.where(np.isnan(score), -np.inf, score) if score.dtype.kind == "f" else score
