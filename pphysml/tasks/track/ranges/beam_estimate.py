"""The beam's energy from the particles that stop last, where some of the input are known to have seen no phantom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ....io.ragged import Array, Columns
from ....physics.range_energy import EXPONENT, particle_energy
from ....physics.straggling import range_variance
from ..tracks.tracks import Tracks
from .energy_loss import LONGEST, PARTICLES
from .stop_peak import FEWEST, StopPeak, last_peak
from .wepl import stop_probabilities

Floats = NDArray[np.float64]

MOST_TRACKS = 20_000
"""Tracks that are looked at."""

RESOLUTION = 0.35
"""Width that tracks of simulated beams have beyond straggling and their likelihood, mm."""

DEPTH_UNCERTAINTY = 0.1
"""Systematic error of the peak's depth, mm: the largest difference from the truth of simulated beams of 100 to 230 MeV."""

WIDTH_UNCERTAINTY = 0.03
"""The same of its width, relative."""

SURE = 2.0
"""Standard errors by which the peak must be wider than that of a beam, to be none."""


@dataclass(frozen=True)
class BeamEstimate:
    """What the tracks that stop last say of the beam, all as if they had seen no phantom.

    Attributes:
        charge: of its particles.
        energy, energy_error: MeV.
        range, width: in water, as the calorimeter measures it, and the Gaussian width of the peak, mm.
        tracks: how many stop last.
        unseen: thickness, mm of water, up to which a slab in front of all particles would not be noticed.
        refused: why there is no estimate; "" if there is one.
        surveyed: runs (file, run) with tracks that were looked at.
        elsewhere: those of them none of whose tracks stop there.
    """

    charge: float = 1.0
    energy: float = np.nan
    energy_error: float = np.nan
    range: float = np.nan
    width: float = np.nan
    tracks: int = 0
    unseen: float = np.nan
    refused: str = ""
    surveyed: frozenset[tuple[int, int]] = frozenset()
    elsewhere: frozenset[tuple[int, int]] = frozenset()


class BeamSurvey:
    """Gathers where tracks stop; those of a first part of the input are enough.

    Args:
        spread: Gaussian width of the beam's energy, MeV.
    """

    def __init__(self, spread: float) -> None:
        self.spread = spread
        self.charge = 1.0
        self._parts: list[tuple[Floats, Floats, Array]] = []
        self._tracks = 0

    def add(self, examples: Columns, tracks: Tracks) -> bool:
        """Take tracks that end in a Bragg peak; return whether further ones are wanted."""
        if len(tracks.hits):
            self.charge = float(np.asarray(examples["beam_charge"])[tracks.frame[0]])
            runs = np.stack([np.asarray(examples[name], dtype=np.int64) for name in ("file", "run")], axis=1)[tracks.frame]
            self._parts.append((*stop_probabilities(examples, tracks), runs))
            self._tracks += len(tracks.hits)
        return self._tracks < MOST_TRACKS

    def estimate(self) -> BeamEstimate:
        """Return what the tracks say."""
        if self._tracks < FEWEST:
            return BeamEstimate(refused=f"there are {self._tracks} whole tracks that end in a Bragg peak, and a peak of their ranges needs {FEWEST}")
        # No more, so that nothing depends on how many frames come at a time.
        place, probability, runs = (np.concatenate([part[i] for part in self._parts])[:MOST_TRACKS] for i in range(3))
        peak = last_peak(place, probability, self._width)
        if peak is None or peak.tracks < FEWEST:
            return BeamEstimate(refused="at the far end of the ranges there is no peak")
        reason = self._refusal(peak)
        if reason:
            return BeamEstimate(refused=reason)
        energy = self._energy(peak.depth)
        error = float(np.hypot(peak.depth_error, DEPTH_UNCERTAINTY))
        return BeamEstimate(self.charge, energy, energy * error / (EXPONENT * peak.depth), peak.depth, peak.width, round(peak.tracks), self._unseen(peak),
                            surveyed=_pairs(np.unique(runs, axis=0)), elsewhere=_elsewhere(place, probability, runs, peak))

    def _width(self, depth: Floats) -> Floats:
        """Return the width of the ranges of a beam that reaches this deep, mm."""
        depth = np.maximum(depth, 1.0)
        energy = particle_energy(depth, *self._particle)
        width: Floats = np.sqrt(range_variance(depth, *self._particle) + (EXPONENT * depth * self.spread / energy) ** 2 + RESOLUTION**2)
        return width

    def _refusal(self, peak: StopPeak) -> str:
        expected = float(self._width(np.array([peak.depth]))[0])
        if peak.width <= expected * (1 + WIDTH_UNCERTAINTY) + SURE * peak.width_error:
            return ""
        return (f"the ranges of the tracks that stop last have a width of {peak.width:.2f} +- {peak.width_error:.2f} mm about {peak.depth:.1f} mm, "
                f"and those of a beam that has crossed nothing would have {expected:.2f} mm: all particles seem to have crossed the phantom, or "
                "the beam's energy is spread (apply.beam_spread)")

    def _unseen(self, peak: StopPeak) -> float:
        """Return the thickness, mm, with which the width would be as much larger as is not noticed: it goes with all that a particle has crossed."""
        limit = peak.width * (1 + WIDTH_UNCERTAINTY) + SURE * peak.width_error
        thickness = np.arange(0.0, LONGEST)
        return float(np.searchsorted(self._width(peak.depth + thickness), limit))

    def _energy(self, depth: float) -> float:
        return float(particle_energy(depth, *self._particle))

    @property
    def _particle(self) -> tuple[float, float]:
        return PARTICLES["helium" if self.charge == 2 else "proton"]


def _elsewhere(place: Floats, probability: Floats, runs: Array, peak: StopPeak) -> frozenset[tuple[int, int]]:
    """Return the runs with enough tracks for a peak, of which hardly any stop in it."""
    inside = (probability * (np.abs(place - peak.depth) < 2 * peak.width)).sum(axis=1)
    found, row, counts = np.unique(runs, axis=0, return_inverse=True, return_counts=True)
    there = np.bincount(row.ravel(), inside, minlength=len(found))
    return _pairs(found[hardly_any(counts, there)])


def hardly_any(tracks: Array, inside: Array) -> Array:
    """Return where of enough tracks for a peak hardly any are inside it."""
    chosen: Array = (tracks >= FEWEST) & (inside < 0.01 * tracks)
    return chosen


def _pairs(runs: Array) -> frozenset[tuple[int, int]]:
    return frozenset((int(file), int(run)) for file, run in runs)
