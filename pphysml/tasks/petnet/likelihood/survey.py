"""Learn the mixture of randoms and activity from the first singles of a measurement."""

from __future__ import annotations

import numpy as np

from ....errors import InputError
from ....io.ragged import Columns, concatenate, ragged
from ..coincidences.candidates import candidates
from ..reading.first_singles import LOOKED_AT, FirstSingles
from ..scanner.crystals import IDS
from .ends import ends_of
from .mixture import Mixture
from .mixture_fit import Pairs, fit_mixture
from .randoms import random_pairs

FEWEST = 50
"""Pairs from which an image can be made."""


class Survey:
    """Gathers slices until there are enough singles.

    Args:
        enough: singles.
        crystals: whether what tells the crystals of singles is gathered too.
    """

    def __init__(self, enough: int, crystals: bool = False) -> None:
        self._names = {*LOOKED_AT, *IDS} if crystals else {*LOOKED_AT} - {*IDS}
        self._first = FirstSingles(enough)
        self._slices: list[Columns] = []

    def add(self, examples: Columns) -> bool:
        """Take slices, and return whether more are wanted."""
        slices = self._first.of(examples)
        self._slices.append({name: slices[name] for name in self._names if name in slices})
        return self._first.wanted

    def taken(self) -> Columns:
        """Return the slices, which are not kept.

        Raises:
            InputError: there is no single.
        """
        examples = concatenate(self._slices)
        self._slices = []
        if not examples:
            raise InputError("There is no single in the energy window, from which the engine could learn the activity.")
        return examples


def mixture_of(examples: Columns, window: float) -> Mixture:
    """Fit the mixture to slices; see `mixture_fit`.

    Raises:
        InputError: there are too few pairs.
    """
    prompts, randoms = candidates(examples, window), random_pairs(examples, window)
    if min(len(prompts.dt), len(randoms.pairs.dt)) < FEWEST:
        raise InputError(f"There are {len(prompts.dt)} pairs in the window, too few to learn the activity from: take the engine classical.")
    place = np.column_stack([ragged(examples, axis).flat for axis in "xyz"]).astype(np.float64)
    energy = ragged(examples, "energy").flat.astype(np.float64)
    return fit_mixture(Pairs(ends_of(examples, prompts), ends_of(examples, randoms.pairs), randoms.expected), place, energy, window)
