"""Pairs of singles, as every engine of `petnet` returns them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ....io.ragged import Array, Columns


@dataclass(frozen=True)
class Pairs:
    """Pairs of singles of some slices, prompt ones in the order of their first single, then delayed ones.

    Attributes:
        first, second: int64 (P,), indices into the flat singles of the slices; `first` is the earlier one.
        score: float32 (P,), probability that both stem from the photons of one annihilation; 1 if not estimated.
        multiplicity: int32 (P,), singles in their window.
        delayed: bool (P,), whether the second one was looked for in the delayed window.
    """

    first: Array
    second: Array
    score: Array
    multiplicity: Array
    delayed: Array

    @classmethod
    def of(cls, columns: Columns) -> Pairs:
        """Take them from an engine's columns."""
        return cls(*(np.asarray(columns[name]) for name in ("first", "second", "score", "multiplicity", "delayed")))

    def columns(self) -> Columns:
        """Return them as an engine's columns."""
        return {
            "first": self.first.astype(np.int64), "second": self.second.astype(np.int64),
            "score": self.score.astype(np.float32), "multiplicity": self.multiplicity.astype(np.int32),
            "delayed": self.delayed.astype(bool),
        }

    def later(self, n: int) -> Pairs:
        """Return the same pairs of singles that stand behind so many others."""
        return replace(self, first=self.first + n, second=self.second + n)


def all_joined(parts: Sequence[Pairs]) -> Pairs:
    """Return the prompt pairs of slices that follow one another, then the delayed ones."""
    if len(parts) == 1:
        return parts[0]
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("first", "second", "score", "multiplicity", "delayed")}
    order = np.argsort(columns["delayed"], kind="stable")
    return Pairs(**{name: values[order] for name, values in columns.items()})


def joined(prompt: Pairs, delayed: Pairs) -> Pairs:
    """Return prompt pairs, then delayed ones."""
    names = ("first", "second", "score", "multiplicity", "delayed")
    return Pairs(*(np.concatenate([getattr(prompt, n), getattr(delayed, n)]) for n in names))
