"""True tracks, and an engine's tracks and links as flat arrays to compare with them.

Flat arrays only: hits (H,), tracks (T,), protons (P,), of all frames of a chunk one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged
from .links import frame_of_hit, true_links
from .tracks import Tracks

ANY_LAYER = 2**15
"""More layers than there are: a true link may leave out as many as it likes."""


@dataclass(frozen=True)
class Hits:
    """The truth of H hits in F frames with P protons.

    Attributes:
        frame: row of the frame, (H,).
        proton: index among all protons of all frames, -1 for noise, (H,).
        primary: whether the hit is that of the particle of the beam itself, (H,).
        second: index of the proton with the next largest share of the hit, of those whose own particle left some of
            it, where hits are clusters; -1 for none, (H,).
        previous: the true link: hit of the same particle in the nearest layer before, or -1, (H,).
        first_proton: index of the first proton of each frame, (F + 1,).
    """

    frame: Array
    proton: Array
    primary: Array
    second: Array
    previous: Array
    first_proton: Array

    @property
    def n_protons(self) -> int:
        """Return P."""
        return int(self.first_proton[-1])

    @property
    def owner(self) -> Array:
        """What is resampled together, (H,): the proton, or P + row for the noise of a frame."""
        return np.where(self.proton >= 0, self.proton, self.n_protons + self.frame)

    @property
    def n_owners(self) -> int:
        """Return P + F."""
        return self.n_protons + len(self.first_proton) - 1

    @property
    def own(self) -> Array:
        """The proton of primary hits, -1 for others, (H,)."""
        return np.where(self.primary, self.proton, -1)

    @property
    def primary_hits(self) -> Array:
        """Number of primary hits of each proton, (P,)."""
        return np.bincount(self.own[self.own >= 0], minlength=self.n_protons)


def true_hits(examples: Columns) -> Hits:
    """Return the truth of all hits of the frames; needs `proton`, `particle` and `primary`, and has a second one from `second_proton`."""
    frame = frame_of_hit(examples)
    proton = ragged(examples, "proton").flat.astype(np.int64)
    second = ragged(examples, "second_proton").flat.astype(np.int64) if "second_proton" in examples else np.full(len(proton), -1)
    count = np.asarray(examples["n_protons"], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(count)])
    return Hits(frame, np.where(proton >= 0, first[frame] + proton, -1), ragged(examples, "primary").flat.astype(bool),
                np.where(second >= 0, first[frame] + second, -1), true_links(examples, ANY_LAYER), first)


def tracks_of(examples: Columns, predictions: Columns) -> Tracks:
    """Return the tracks of an engine's columns."""
    size, listed = ragged(predictions, "n_hits_of_track"), ragged(predictions, "track_hits")
    layer = ragged(examples, "layer")
    hits = Ragged.from_counts(np.repeat(layer.offsets[:-1], listed.counts) + listed.flat, size.flat)
    index = ragged(predictions, "hit_track_index").flat.astype(np.int64)
    of_hit = np.where(index >= 0, index + size.offsets[frame_of_hit(examples)], -1)
    return Tracks(of_hit, hits, np.repeat(np.arange(len(size)), size.counts))


def previous_of(examples: Columns, predictions: Columns) -> Array:
    """Return the flat index of each hit's previous one in an engine's columns; -1 for none."""
    previous = ragged(predictions, "hit_previous").flat.astype(np.int64)
    start = ragged(examples, "layer").offsets[frame_of_hit(examples)]
    return np.where(previous >= 0, previous + start, -1)


def matches(hits: Hits, tracks: Tracks, share: float) -> Array:
    """Return the proton that each track matches, -1 for none, (T,).

    At least `share` of the track's hits are primary hits of the proton, and at least `share` of the
    proton's primary hits are on the track. With a share of 1: all of them and only they. On the track, hits
    of which the proton has the second place count with them. Of several such protons that with most hits is taken.
    """
    track, proton, held = _held(tracks, hits.own, hits.second, hits.n_protons)
    own_track, own_proton, own = _held(tracks, hits.own, np.full(len(hits.own), -1), hits.n_protons)
    common = np.zeros(len(track), dtype=np.int64)
    common[np.searchsorted(track * hits.n_protons + proton, own_track * hits.n_protons + own_proton)] = own
    of_proton = hits.primary_hits[proton] if hits.n_protons else common
    good = (common > 0) & (held >= share * tracks.hits.counts[track]) & (common >= share * of_proton)
    return _best(len(tracks.hits), track[good], proton[good], held[good], common[good])[0]


def most_common(tracks: Tracks, label: Array, n: int, other: Array | None = None) -> tuple[Array, Array]:
    """Return the label (0 to n - 1; negative is none) that most hits of a track have, and how many.

    Of equally frequent labels the lowest is taken; a track without labels has -1 and 0.

    Args:
        other: a second label of hits, not the same as the first one.
    """
    track, which, count = _held(tracks, label, np.full(len(label), -1) if other is None else other, n)
    return _best(len(tracks.hits), track, which, count, count)


def _held(tracks: Tracks, label: Array, other: Array, n: int) -> tuple[Array, Array, Array]:
    """Return track and label of all pairs of which the track has a hit with the label, in rising order, and how many these are."""
    hits, owner = tracks.hits.flat, tracks.owner
    keys = [(owner * np.int64(max(n, 1)) + found)[found >= 0] for found in (label[hits], other[hits])]
    pairs, count = np.unique(np.concatenate(keys), return_counts=True)
    track, which = np.divmod(pairs, max(n, 1))
    return track, which, count


def _best(n: int, track: Array, which: Array, count: Array, then: Array) -> tuple[Array, Array]:
    """Return for each of n tracks the label with the largest count, then the larger second one, then the lowest, and the count; -1 and 0 for none."""
    best, most = np.full(n, -1), np.zeros(n, dtype=np.int64)
    order = np.lexsort((-which, then, count))  # what is written last stays
    best[track[order]], most[track[order]] = which[order], count[order]
    return best, most
