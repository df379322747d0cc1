"""Purity and efficiency of tracks as the published trackers define them.

A reconstructed track counts if it has more than four hits and its deepest one shows the Bragg peak.
Purity: tracks whose hits are all primary and of one proton, over tracks whose hits are all primary.
Efficiency: the same numerator over the protons that have primary hits only, however few.

Neither asks for a complete track: a proton's pieces count one by one, and an efficiency may pass 1.
Source: T. Kortus et al., arXiv:2407.13420, and IEEE TPAMI 45 (2023) 15820.
"""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array
from ..tracks.tracks import Tracks
from ..tracks.true_tracks import Hits

MIN_HITS = 5
"""Fewest hits of a track that counts."""

MIN_LAST_EDEP = 0.0625
"""Energy in MeV above which the deepest hit must be, in sensors of 25 um."""

MIN_LAST_DEDX = 2.5
"""The same per thickness, keV/um: it means the same in sensors of another thickness."""


def published_rates(hits: Hits, tracks: Tracks, passed: Array) -> tuple[Array, Array]:
    """Return purity and efficiency of each frame, (F,); their means over frames were published.

    Args:
        passed: whether a hit shows the Bragg peak, (H,).

    A frame without tracks has purity 0, as published; without a purely primary proton its efficiency
    is NaN.
    """
    frames = len(hits.first_proton) - 1
    counted = (tracks.hits.counts >= MIN_HITS) & passed[tracks.last]
    known = (hits.primary & (hits.proton >= 0))[tracks.hits.flat]
    primary = counted & (np.bincount(tracks.owner, known, len(tracks.hits)) == tracks.hits.counts)
    pure = primary & _of_one_proton(hits, tracks)
    right = np.bincount(tracks.frame[pure], minlength=frames)
    found = np.bincount(tracks.frame[primary], minlength=frames)
    return right / np.maximum(found, 1), _ratio(right, _primary_protons(hits))


def _of_one_proton(hits: Hits, tracks: Tracks) -> Array:
    proton, start = hits.proton[tracks.hits.flat], tracks.hits.offsets[:-1]
    if not len(start):
        return np.zeros(0, dtype=bool)
    one: Array = np.minimum.reduceat(proton, start) == np.maximum.reduceat(proton, start)
    return one


def _primary_protons(hits: Hits) -> Array:
    """Return how many protons of each frame have hits, and only primary ones."""
    n = np.bincount(hits.proton[hits.proton >= 0], minlength=hits.n_protons)
    pure = np.flatnonzero((n > 0) & (n == hits.primary_hits))
    frame = np.searchsorted(hits.first_proton, pure, side="right") - 1
    return np.bincount(frame, minlength=len(hits.first_proton) - 1)


def _ratio(passed: Array, n: Array) -> Array:
    return np.where(n > 0, passed / np.maximum(n, 1), np.nan)
