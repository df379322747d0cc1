"""Factors by which all classes have the same spectrum in a training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ....decorrelation.planing import FLAT, Planing
from ....io.ragged import Array, Columns
from ..config import JetsConfig
from ..config.training import FLAT as FLAT_NAME
from ..reading.values import values_of
from .resonance_masses import COLUMN, relative

MOST_BINS, JETS_PER_BIN = 32, 20
"""Of each coordinate, and of the smallest class in the mean: where a bin lacks a class by chance, no jet of it counts."""


@dataclass(frozen=True)
class Spectrum:
    """A spectrum that all classes are given.

    Attributes:
        name: under which its factors are stored.
        texts: expressions of one to three coordinates.
        reference: number of the class that has it, or `FLAT`.
        cap: largest factor.
    """

    name: str
    texts: tuple[str, ...]
    reference: int
    cap: float = 100.0

    def fit(self, examples: Columns, weight: Array) -> dict[str, Array]:
        """Return the factors as arrays to be stored.

        Args:
            weight: of each jet, of either sign, (n,).
        """
        label = np.asarray(examples["class"])
        smallest = np.bincount(label).min() / JETS_PER_BIN
        bins = int(np.clip(smallest ** (1 / len(self.texts)), 1, MOST_BINS))
        planing = Planing.fit(self._coordinates(examples), label, weight, self.reference, bins, self.cap)
        return {f"{self.name}.{key}": array for key, array in planing.arrays().items()}

    def factors(self, examples: Columns, prepared: Mapping[str, Array]) -> Array:
        """Return the factor of each jet, (n,)."""
        return self._of(prepared)(self._coordinates(examples), np.asarray(examples["class"]))

    def accepted(self, examples: Columns, prepared: Mapping[str, Array], random: np.random.Generator) -> Array:
        """Return which jets are kept of a drawing in which all classes have the spectrum without factors, bool (n,)."""
        return self._of(prepared).accepted(self._coordinates(examples), np.asarray(examples["class"]), random)

    def _of(self, prepared: Mapping[str, Array]) -> Planing:
        begin = f"{self.name}."
        return Planing.of({name.removeprefix(begin): array for name, array in prepared.items() if name.startswith(begin)})

    def _coordinates(self, examples: Columns) -> Array:
        found: Array = np.nan_to_num(values_of(list(self.texts), examples))
        return found


def planed(config: JetsConfig) -> Spectrum | None:
    """Return what `model.decorrelate=planing` gives all classes: the spectrum of the first signal in the first two of model.against; at each resonance mass, if the network takes it."""
    if config.model.decorrelate != "planing":
        return None
    masses = (COLUMN,) if config.model.parametrise else ()
    return Spectrum("planing", (*relative(config)[:2], *masses), list(config.data.classes).index(config.data.signals[0]))


def reweighted(config: JetsConfig) -> Spectrum | None:
    """Return what `training.reweight` gives all classes."""
    options = config.training
    if not options.reweight:
        return None
    reference = FLAT if options.reference == FLAT_NAME else list(config.data.classes).index(options.reference)
    return Spectrum("reweight", tuple(options.reweight), reference, options.largest_factor)
