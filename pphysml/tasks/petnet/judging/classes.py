"""What a pair of singles truly is, as far as the columns of the input tell."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ....io.ragged import Array, Columns
from .truth import PHANTOM, Truth


class PairClass(IntEnum):
    """What a pair is; the first that holds, in the order NOISE, RANDOM, BACKGROUND and the others."""

    TRUE = 0
    SCATTERED = 1
    RANDOM = 2
    SAME_PHOTON = 3
    NOISE = 4
    BACKGROUND = 5


WORDS = {
    PairClass.TRUE: "both photons of one annihilation, neither scattered in the object",
    PairClass.SCATTERED: "both photons of one annihilation, at least one scattered in the object",
    PairClass.RANDOM: "singles of different events",
    PairClass.SAME_PHOTON: "two singles of one photon (scattered between crystals)",
    PairClass.NOISE: "at least one single is noise (negative event)",
    PairClass.BACKGROUND: "one event, but a background source or a photon of no annihilation",
}

ACCIDENTAL = (PairClass.RANDOM, PairClass.NOISE)
"""Classes of pairs whose singles have nothing to do with each other: what delayed pairs estimate."""


def pair_classes(truth: Truth, first: Array, second: Array) -> Array:
    """Return the `PairClass` of each pair, int8 (P,).

    Which event a pair is of comes first: two singles of different events are an accidental
    coincidence, from whatever sources, as delayed pairs count them.
    """
    result = np.full(len(first), PairClass.TRUE, dtype=np.int8)
    result[truth.scattered[first] | truth.scattered[second]] = PairClass.SCATTERED
    background = truth.background[first] | truth.background[second]
    if truth.photon is not None:
        a, b = truth.photon[first], truth.photon[second]
        result[a == b] = PairClass.SAME_PHOTON
        background |= (a <= 0) | (b <= 0)
    result[background] = PairClass.BACKGROUND
    result[truth.key[first] != truth.key[second]] = PairClass.RANDOM
    result[(truth.key[first] < 0) | (truth.key[second] < 0)] = PairClass.NOISE
    return result


@dataclass
class Knowledge:
    """Which classes an input can tell; what it cannot is counted with the true pairs.

    Attributes:
        photons: the photon of each single is in the input.
        phantom: the scatterings in the object are.
        any_photon, any_scattered: one of the two photons, or a scattering, was seen so far.
    """

    photons: bool = False
    phantom: bool = False
    any_photon: bool = False
    any_scattered: bool = False

    def add(self, examples: Columns, truth: Truth) -> None:
        """Take in a chunk."""
        self.photons |= truth.photon is not None
        self.phantom |= any(name in examples for name in PHANTOM)
        self.any_photon |= truth.photon is not None and bool((truth.photon > 0).any())
        self.any_scattered |= bool(truth.scattered.any())

    @property
    def notes(self) -> list[str]:
        """Sentences on what the numbers cannot tell."""
        said = []
        if not self.photons:
            said.append("The input does not tell which photon a single is of: two singles of one photon count as a true pair.")
        elif not self.any_photon:
            said.append("No single is of photon 1 or 2 of an annihilation: there are no true pairs. Leave photonID out if it is not filled.")
        if not self.phantom:
            said.append("The input does not tell scatterings in the object: scattered pairs count as true, and there is no scatter fraction.")
        elif not self.any_scattered:
            said.append("comptonPhantom and RayleighPhantom are 0 everywhere, as where no sensitive volume was attached to the object: "
                        "scattered pairs count as true, and there is no scatter fraction.")
        return said
