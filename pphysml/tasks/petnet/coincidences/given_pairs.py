"""Pairs that the input has, in the place of those that an engine makes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract import Engine
from ....errors import FileName
from ....io.ragged import Columns, length
from ..reading.given_pairs import GIVEN
from .pairs import Pairs


class OrGiven(Engine):
    """Asks an engine for the pairs of slices, unless the input has them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._given = False

    def __call__(self, examples: Columns) -> Columns:
        """Return pairs; see `Pairs`."""
        self._given = GIVEN in examples
        return given_pairs(length(examples)).columns() if self._given else self.engine(examples)

    def costs(self, examples: Columns, named: FileName) -> list[str]:
        """Return what takes long."""
        return [] if GIVEN in examples else self.engine.costs(examples, named)

    @property
    def surveys(self) -> bool:
        """Whether the engine must learn from the data."""
        return self.engine.surveys

    def survey(self, examples: Columns) -> bool:
        """Take slices; nothing is learnt from pairs."""
        return GIVEN not in examples and self.engine.survey(examples)

    @property
    def warnings(self) -> list[str]:
        """What the engine says."""
        return [] if self._given else self.engine.warnings

    def facts(self) -> dict[str, Any]:
        """Return what the engine says."""
        return {} if self._given else self.engine.facts()


def given_pairs(n: int) -> Pairs:
    """Return the pairs of n slices of two singles each."""
    first = 2 * np.arange(n, dtype=np.int64)
    return Pairs(first, first + 1, np.ones(n, dtype=np.float32), np.full(n, 2, dtype=np.int32), np.zeros(n, dtype=bool))
