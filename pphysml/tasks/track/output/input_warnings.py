"""What of the input or the calorimeter looks wrong, judged over all frames that an engine has seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....io.ragged import Array, Columns, ragged
from .track_flags import BEYOND, SHORT

LARGEST_DEDX, LARGEST_SHARE = 300.0, 0.1
"""Energy loss that neither protons nor helium reach in a sensor, keV/um, and the share of doubtful hits or tracks that is let pass."""

NO_MATERIALS = "the calorimeter is not known: range, energy and WEPL are not computed; give --geometry"

NO_BEAM = "the beam is not known: ranges behind the phantom are given, but no WEPL; state it with --beam, as proton:200MeV, or give --beam estimate if some particles of the input saw no phantom"

HITS_BEHIND = 50
"""Hits behind layers without any, from which on the layers are said to be dead."""


class InputWarnings:
    """Collects what is to be said at the end, since a few frames alone prove little."""

    def __init__(self) -> None:
        self._hits_of_layer = np.zeros(0, dtype=np.int64)
        self._hits = self._heavy = self._tracks = self._beyond = 0
        self._materials = self._beam = True

    def see(self, examples: Columns, columns: Columns) -> None:
        """Take frames and the columns of their tracks."""
        dedx, flags = ragged(examples, "dedx").flat, ragged(columns, "flags").flat
        self._hits, self._heavy = self._hits + len(dedx), self._heavy + int((dedx > LARGEST_DEDX).sum())
        long = (flags & SHORT) == 0
        self._tracks, self._beyond = self._tracks + int(long.sum()), self._beyond + int((long & ((flags & BEYOND) > 0)).sum())
        self._materials &= not np.isnan(ragged(examples, "depth").flat).any()
        self._beam &= not np.isnan(np.asarray(examples["beam_range"], dtype=np.float64)).any()
        found = np.bincount(ragged(examples, "layer").flat, minlength=len(self._hits_of_layer))
        found[: len(self._hits_of_layer)] += self._hits_of_layer
        self._hits_of_layer = found

    def sentences(self, said_of_beam: bool = False) -> Iterator[str]:
        """Yield what to warn of; if something is said of the beam already, not that it is unknown."""
        if not self._materials:
            yield NO_MATERIALS
        elif not self._beam and not said_of_beam:
            yield NO_BEAM
        if self._heavy > LARGEST_SHARE * self._hits:
            yield (f"{self._heavy / self._hits:.0%} of the hits lose more than {LARGEST_DEDX:g} keV/um, which no proton does: are the unit of "
                   "the energies (--map edep=BRANCH:keV) and the thickness of the sensors right?")
        for first, last in dead_layers(self._hits_of_layer):
            yield f"the layers {first} to {last} have no hit, though deeper ones do: they are taken as dead, and tracks cross them, except with data.skip_layers=0"
        if self._beyond > LARGEST_SHARE * self._tracks:
            yield (f"{self._beyond / self._tracks:.0%} of the tracks stop well behind the range of the beam (flag {BEYOND}): are the beam and "
                   "the water-equivalent thicknesses of the geometry right?")


def dead_layers(hits: Array) -> list[tuple[int, int]]:
    """Return first and last of neighbouring layers, two or more, that have none of the hits of each layer, (L,), though deeper ones do."""
    empty = np.flatnonzero((hits == 0) & (np.cumsum(hits[::-1])[::-1] >= HITS_BEHIND))
    runs = np.split(empty, np.flatnonzero(np.diff(empty) > 1) + 1)
    return [(int(run[0]), int(run[-1])) for run in runs if len(run) > 1]
