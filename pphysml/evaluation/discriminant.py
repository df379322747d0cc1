"""One number out of the probabilities of several classes, by which signal is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .uncertainty import Floats

FLOOR = 1e-30
"""Least sum of probabilities in the logarithm; float32 gives 0 for what is smaller than about 1e-38."""


@dataclass(frozen=True)
class Discriminant:
    """ln(sum over signal a_s p_s / sum over background f_b p_b).

    With the probabilities p of a network that was trained on equal numbers of each class, and a, f the
    fractions of the classes in the data, it orders jets as the likelihood ratio does (Neyman, Pearson).
    Flavour tagging: D_b = ln(p_b / (f_c p_c + (1 - f_c) p_u)) (ATLAS, Eur. Phys. J. C 83 (2023) 681).

    Attributes:
        signal, background: class -> fraction, not negative; each side has a sum above zero and may
            be of any scale. No class is on both sides.

    Raises:
        ValueError: it is not so.
    """

    signal: Mapping[str, float]
    background: Mapping[str, float]

    def __post_init__(self) -> None:
        if twice := sorted(set(self.signal) & set(self.background)):
            raise ValueError(f"the class {twice[0]!r} is signal and background of one discriminant")
        for side, fractions in (("signal", self.signal), ("background", self.background)):
            if min(fractions.values(), default=0) < 0 or not sum(fractions.values()) > 0:
                raise ValueError(f"the {side} fractions of a discriminant must not be negative, and one must be above 0")

    def of(self, probabilities: Mapping[str, ArrayLike]) -> Floats:
        """Return the discriminant of each jet, (n,), by the probability of each class, (n,)."""
        above, below = (
            np.maximum(sum(fraction * np.asarray(probabilities[name], float) for name, fraction in side.items()), FLOOR)
            for side in (self.signal, self.background)
        )
        logarithm: Floats = np.log(above / below)
        return logarithm


def flavour_discriminant(signal: str, fractions: Mapping[str, float], rest: str) -> Discriminant:
    """Return ln(p_signal / (sum f_b p_b + (1 - sum f_b) p_rest)).

    Args:
        fractions: class -> fraction f of the background, their sum at most 1.
        rest: the class that has what remains.

    Raises:
        ValueError: the fractions sum to more than 1, or a class is given twice.
    """
    remaining = 1 - sum(fractions.values())
    if remaining < -1e-9 or rest in fractions:
        raise ValueError(f"the fractions must sum to at most 1, and leave out {rest!r}, which has the rest")
    return Discriminant({signal: 1.0}, {**fractions, rest: max(0.0, remaining)})
