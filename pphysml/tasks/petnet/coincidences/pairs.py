"""Pairs of singles, as every engine of `petnet` returns them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from ....io.ragged import Array, Columns

PROMPT, DELAYED, CANDIDATE = 0, 1, 2
"""Kinds of pairs: taken in the prompt window, taken in the delayed one, and listed only, because they lie in the prompt window."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of singles of some slices, prompt ones in the order of their first single, then delayed ones, then candidates.

    Attributes:
        first, second: int64 (P,), indices into the flat singles of the slices; `first` is the earlier one.
        score: float32 (P,), probability that both stem from the photons of one annihilation; 1 if not estimated.
        multiplicity: int32 (P,), singles in their window.
        kind: int8 or bool (P,), PROMPT, DELAYED or CANDIDATE; a single may be in a prompt pair and in candidates.
    """

    first: Array
    second: Array
    score: Array
    multiplicity: Array
    kind: Array

    @classmethod
    def of(cls, columns: Columns) -> Pairs:
        """Take them from an engine's columns."""
        kind = DELAYED * np.asarray(columns["delayed"], dtype=np.int8) + CANDIDATE * np.asarray(columns["candidate"], dtype=np.int8)
        first, second, score, multiplicity = (np.asarray(columns[name]) for name in ("first", "second", "score", "multiplicity"))
        return cls(first, second, score, multiplicity, kind)

    @property
    def delayed(self) -> Array:
        """Whether the second single was looked for in the delayed window, bool (P,)."""
        return np.asarray(self.kind == DELAYED)

    def columns(self) -> Columns:
        """Return them as an engine's columns."""
        return {
            "first": self.first.astype(np.int64), "second": self.second.astype(np.int64),
            "score": self.score.astype(np.float32), "multiplicity": self.multiplicity.astype(np.int32),
            "delayed": self.delayed, "candidate": self.kind == CANDIDATE,
        }

    def later(self, n: int) -> Pairs:
        """Return the same pairs of singles that stand behind so many others."""
        return replace(self, first=self.first + n, second=self.second + n)


NAMES = tuple(field.name for field in fields(Pairs))


def all_joined(parts: Sequence[Pairs]) -> Pairs:
    """Return the prompt pairs of slices that follow one another, then the delayed ones, then the candidates."""
    if len(parts) == 1:
        return parts[0]
    both = joined(*parts)
    order = np.argsort(both.kind, kind="stable")
    return Pairs(**{name: getattr(both, name)[order] for name in NAMES})


def joined(*parts: Pairs) -> Pairs:
    """Return some pairs behind others."""
    return Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in NAMES))


def with_all_listed(pairs: Pairs) -> Pairs:
    """Return pairs, and the prompt ones among them once more as candidates."""
    prompt = pairs.kind == PROMPT
    columns = {name: getattr(pairs, name)[prompt] for name in NAMES}
    return joined(pairs, Pairs(**columns | {"kind": np.full(int(prompt.sum()), CANDIDATE, dtype=np.int8)}))
