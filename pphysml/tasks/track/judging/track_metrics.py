"""What became of every proton, track and link, as counts whose ratios are the metrics.

Flat arrays only: hits (H,), tracks (T,), protons (P,), of all frames of a chunk one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array, Columns, Ragged
from ....physics.directions import angle_between
from ..graph import true_links
from ..links import frame_of_hit, ragged
from ..tracks import Tracks

MATCH = 0.75
"""Share of hits for which a track and a proton are said to match; above one half, matches are unique."""

Counts = dict[str, Array]
"""Name -> array; all of equal length."""

ANY_LAYER = 2**15
"""More layers than there are: a true link may leave out as many as it likes."""


@dataclass(frozen=True)
class Hits:
    """The truth of H hits in F frames with P protons.

    Attributes:
        frame: row of the frame, (H,).
        proton: index among all protons of all frames, -1 for noise, (H,).
        primary: whether the hit is that of the particle of the beam itself, (H,).
        previous: the true link: hit of the same particle in the nearest layer before, or -1, (H,).
        first_proton: index of the first proton of each frame, (F + 1,).
    """

    frame: Array
    proton: Array
    primary: Array
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
    def primary_hits(self) -> Array:
        """Number of primary hits of each proton, (P,)."""
        chosen = self.primary & (self.proton >= 0)
        return np.bincount(self.proton[chosen], minlength=self.n_protons)


def true_hits(examples: Columns) -> Hits:
    """Return the truth of all hits of the frames; needs `proton`, `particle` and `primary`."""
    frame = frame_of_hit(examples)
    proton = ragged(examples, "proton").flat.astype(np.int64)
    count = np.asarray(examples["n_protons"], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(count)])
    return Hits(frame, np.where(proton >= 0, first[frame] + proton, -1),
                ragged(examples, "primary").flat.astype(bool), true_links(examples, ANY_LAYER), first)


def tracks_of(examples: Columns, predictions: Columns) -> Tracks:
    """Return the tracks of an engine's columns."""
    size, listed = ragged(predictions, "n_hits_of_track"), ragged(predictions, "track_hits")
    layer = ragged(examples, "layer")
    hits = Ragged.from_counts(np.repeat(layer.offsets[:-1], listed.counts) + listed.flat, size.flat)
    of_hit = np.full(len(layer.flat), -1, dtype=np.int64)
    of_hit[hits.flat] = np.repeat(np.arange(len(hits)), hits.counts)
    return Tracks(of_hit, hits, np.repeat(np.arange(len(size)), size.counts))


def previous_of(examples: Columns, predictions: Columns) -> Array:
    """Return the flat index of each hit's previous one in an engine's columns; -1 for none."""
    previous = ragged(predictions, "hit_previous").flat.astype(np.int64)
    start = ragged(examples, "layer").offsets[frame_of_hit(examples)]
    return np.where(previous >= 0, previous + start, -1)


def matches(hits: Hits, tracks: Tracks, share: float) -> Array:
    """Return the proton that each track matches, -1 for none, (T,).

    At least `share` of the track's hits are primary hits of the proton, and at least `share` of the
    proton's primary hits are on the track. With a share of 1: all of them and only they.
    """
    proton, common = _most(tracks, np.where(hits.primary, hits.proton, -1), hits.n_protons)
    of_proton = hits.primary_hits[proton] if hits.n_protons else common
    good = (proton >= 0) & (common >= share * tracks.hits.counts) & (common >= share * of_proton)
    return np.where(good, proton, -1)


def tally_tracks(hits: Hits, tracks: Tracks) -> Counts:
    """Return counts per owner (see `Hits.owner`), columns of shape (P + F,).

    protons, with_primary: 1 for a proton with hits, with primary hits. complete, matched: 1 if a
    track has all and only its primary hits, or matches it (`MATCH`). tracks: those of whose hits
    the owner has most. fakes: of these, no proton has `MATCH` of the hits, its secondaries
    included. duplicates: tracks of which `MATCH` of the hits are primary hits of the proton,
    without the first.
    """
    n = hits.n_owners
    owner, _ = _most(tracks, hits.owner, n)
    _, common = _most(tracks, hits.proton, hits.n_protons)
    pure, primary = _most(tracks, np.where(hits.primary, hits.proton, -1), hits.n_protons)
    pieces = _count(pure[(pure >= 0) & (primary >= MATCH * tracks.hits.counts)], n)
    return {
        "frame": np.concatenate([_frames_of_protons(hits), np.arange(len(hits.first_proton) - 1)]),
        "proton": np.arange(n) < hits.n_protons,
        "protons": (_count(hits.proton[hits.proton >= 0], n) > 0).astype(np.int64),
        "primary_hits": np.concatenate([hits.primary_hits, np.zeros(n - hits.n_protons, dtype=np.int64)]),
        "with_primary": np.concatenate([hits.primary_hits > 0, np.zeros(n - hits.n_protons, bool)]).astype(np.int64),
        "complete": _count(_matched(hits, tracks, 1.0), n),
        "matched": _count(_matched(hits, tracks, MATCH), n),
        "tracks": _count(owner, n),
        "fakes": _count(owner[common < MATCH * tracks.hits.counts], n),
        "duplicates": np.maximum(pieces - 1, 0),
    }


def tally_links(hits: Hits, previous: Array, deep: Array, shallow: Array) -> Counts:
    """Return counts of links per owner of the deeper hit, columns of shape (P + F,).

    true_links, found_links: hits that have a true previous hit, and for which it was taken.
    made_links, false_links: links made, and those that are not true.
    lost_links: true links that are not among the candidates.
    true_candidates, found_candidates, false_candidates, taken_candidates: candidate links that are
    true, and the made ones of these; candidate links that are false, and the made ones of these.

    Args:
        previous: hit before each hit on its track, -1 for none, (H,).
        deep, shallow: the two hits of each candidate link, (C,).
    """
    owner, n = hits.owner, hits.n_owners
    linked, made = hits.previous >= 0, previous >= 0
    right = made & (previous == hits.previous)
    true = hits.previous[deep] == shallow
    taken = previous[deep] == shallow
    reached = np.zeros(len(owner), dtype=bool)
    reached[deep[true]] = True
    return {
        "true_links": _count(owner[linked], n), "found_links": _count(owner[right], n),
        "made_links": _count(owner[made], n), "false_links": _count(owner[made & ~right], n),
        "lost_links": _count(owner[linked & ~reached], n),
        "true_candidates": _count(owner[deep[true]], n), "found_candidates": _count(owner[deep[true & taken]], n),
        "false_candidates": _count(owner[deep[~true]], n), "taken_candidates": _count(owner[deep[~true & taken]], n),
    }


def deflections(x: Array, y: Array, z: Array, previous: Array) -> Array:
    """Return the angle between the link into each hit and the link into the hit before it, rad.

    Args:
        x, y, z: of each hit, mm, (H,).
        previous: hit before each hit, -1 for none; what has no two links in a row is left out.
    """
    last = np.flatnonzero(previous >= 0)
    last = last[previous[previous[last]] >= 0]
    middle = previous[last]
    position = np.stack([x, y, z], axis=1).astype(np.float64)
    after, before = position[last] - position[middle], position[middle] - position[previous[middle]]
    return angle_between(before, after)


def join(parts: Sequence[Counts]) -> Counts:
    """Return counts of the same names, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def select(counts: Counts, chosen: Array) -> Counts:
    """Return the rows of a mask, or of an index."""
    return {name: values[chosen] for name, values in counts.items()}


def _most(tracks: Tracks, label: Array, n: int) -> tuple[Array, Array]:
    """Return the label (0 to n - 1; negative is none) that most hits of a track have, and how many.

    Of equally frequent labels the lowest is taken; a track without labels has -1 and 0.
    """
    found = label[tracks.hits.flat]
    chosen = found >= 0
    pairs, count = np.unique(tracks.owner[chosen] * np.int64(max(n, 1)) + found[chosen], return_counts=True)
    track, which = np.divmod(pairs, max(n, 1))
    best, common = np.full(len(tracks.hits), -1), np.zeros(len(tracks.hits), dtype=np.int64)
    order = np.lexsort((-which, count))  # what is written last stays
    best[track[order]], common[track[order]] = which[order], count[order]
    return best, common


def _matched(hits: Hits, tracks: Tracks, share: float) -> Array:
    found = matches(hits, tracks, share)
    return found[found >= 0]


def _frames_of_protons(hits: Hits) -> Array:
    return np.repeat(np.arange(len(hits.first_proton) - 1), np.diff(hits.first_proton))


def _count(index: Array, n: int) -> Array:
    return np.bincount(index, minlength=n)
