"""Factors by which all classes have the same spectrum in a training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ....decorrelation.planing import Planing
from ....io.ragged import Array, Columns
from ..config import JetsConfig
from ..reading.values import values_of

PREFIX = "planing."


def fit_planing(examples: Columns, label: Array, weight: Array, config: JetsConfig) -> dict[str, Array]:
    """Return the factors with which all classes have the spectrum of the first signal, in the first two of model.against."""
    reference = list(config.data.classes).index(config.data.signals[0])
    planing = Planing.fit(_coordinates(examples, config), label, weight, reference)
    return {f"{PREFIX}{name}": array for name, array in planing.arrays().items()}


def planing_factors(examples: Columns, label: Array, prepared: Mapping[str, Array], config: JetsConfig) -> Array:
    """Return the factor of each jet, (n,)."""
    stored = {name.removeprefix(PREFIX): array for name, array in prepared.items() if name.startswith(PREFIX)}
    return Planing.of(stored)(_coordinates(examples, config), label)


def _coordinates(examples: Columns, config: JetsConfig) -> Array:
    found: Array = np.nan_to_num(values_of(config.model.against[:2], examples))
    return found
