"""What of the input or the calorimeter looks wrong, judged over all frames that an engine has seen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ..tracks.true_tracks import tracks_of
from .track_flags import BEYOND, NO_PEAK, SHORT

LARGEST_DEDX, LARGEST_SHARE = 300.0, 0.1
"""Energy loss that neither protons nor helium reach in a sensor, keV/um, and the share of doubtful hits or tracks that is let pass."""

NO_MATERIALS = "the calorimeter is not known: range, energy and WEPL are not computed; give --geometry"

NO_BEAM = "the beam is not known: ranges behind the phantom are given, but no WEPL; state it with --beam, as proton:200MeV, or give --beam estimate if some particles of the input saw no phantom"

HITS_BEHIND = 50
"""Hits behind layers without any, from which on the layers are said to be dead."""

WITHOUT_PEAK, ENDS = 0.1, 50
"""Share without a Bragg peak of the long tracks of protons that end in the layer where most do, and the number of these, from which on that is said. The
share is below 0.04 with all layers alive, and 0.16 to 0.83 where the layers behind, in which the protons stop, are dead and nothing shows it. Of helium it
is up to 0.4 in any case, since hydrogen comes as far as its nuclei do."""


class InputWarnings:
    """Collects what is to be said at the end, since a few frames alone prove little."""

    def __init__(self) -> None:
        self._hits_of_layer = np.zeros(0, dtype=np.int64)
        self._hits = self._heavy = self._tracks = self._beyond = 0
        self._materials = self._beam = True
        # Long tracks by the layer in which they end, those of them without a Bragg peak, and layers known to be dead.
        self._ends, self._no_peak = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        self._dead: set[int] = set()
        self._helium = False

    def see(self, examples: Columns, columns: Columns) -> None:
        """Take frames and the columns of their tracks."""
        dedx, flags = ragged(examples, "dedx").flat, ragged(columns, "flags").flat
        self._hits, self._heavy = self._hits + len(dedx), self._heavy + int((dedx > LARGEST_DEDX).sum())
        long = (flags & SHORT) == 0
        self._tracks, self._beyond = self._tracks + int(long.sum()), self._beyond + int((long & ((flags & BEYOND) > 0)).sum())
        self._materials &= not np.isnan(ragged(examples, "depth").flat).any()
        self._beam &= not np.isnan(np.asarray(examples["beam_range"], dtype=np.float64)).any()
        layer = ragged(examples, "layer").flat
        self._hits_of_layer = _added(self._hits_of_layer, layer)
        self._helium |= bool((np.asarray(examples["beam_charge"]) == 2).any())
        ends = layer[tracks_of(examples, columns).last]
        self._ends = _added(self._ends, ends[long])
        self._no_peak = _added(self._no_peak, ends[long & ((flags & NO_PEAK) > 0)])
        self._dead |= set(map(int, np.unique(ragged(examples, "dead_layers").flat))) if "dead_layers" in examples else set()

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
        yield from self._of_ends()
        if self._beyond > LARGEST_SHARE * self._tracks:
            yield (f"{self._beyond / self._tracks:.0%} of the tracks stop well behind the range of the beam (flag {BEYOND}): are the beam and "
                   "the water-equivalent thicknesses of the geometry right?")

    def _of_ends(self) -> Iterator[str]:
        """Yield what is wrong behind the layer in which most tracks end."""
        most = int(self._ends.argmax()) if len(self._ends) else 0
        ends = int(self._ends[most]) if len(self._ends) else 0
        if ends < ENDS:
            return
        share = self._no_peak[most] / ends if most < len(self._no_peak) else 0.0
        if share >= WITHOUT_PEAK and not self._helium:
            yield (f"{share:.0%} of the tracks that end in layer {most}, where most do, have no Bragg peak (flag {NO_PEAK}): are layers behind it dead, "
                   "or do the particles leave the calorimeter there? Their ranges and WEPL may be wrong by several mm")
        elif most + 1 in self._dead:
            yield f"layer {most + 1}, behind that in which most tracks end, is dead: their ranges and WEPL may be wrong by some mm"


def _added(counts: Array, numbers: Array) -> Array:
    """Return the counts of each number, and those of more numbers with them."""
    found: Array = np.bincount(numbers, minlength=len(counts))
    found[: len(counts)] += counts
    return found


def dead_layers(hits: Array) -> list[tuple[int, int]]:
    """Return first and last of neighbouring layers, two or more, that have none of the hits of each layer, (L,), though deeper ones do."""
    empty = np.flatnonzero((hits == 0) & (np.cumsum(hits[::-1])[::-1] >= HITS_BEHIND))
    runs = np.split(empty, np.flatnonzero(np.diff(empty) > 1) + 1)
    return [(int(run[0]), int(run[-1])) for run in runs if len(run) > 1]
