"""What became of every proton, track and link, as counts whose ratios are the metrics.

Flat arrays only: hits (H,), tracks (T,), protons (P,), of all frames of a chunk one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....io.ragged import Array
from ....physics.directions import angle_between
from ..tracks.tracks import Tracks
from ..tracks.true_tracks import Hits, matches, most_common

MATCH = 0.75
"""Share of hits for which a track and a proton are said to match; above one half, matches are unique."""

Counts = dict[str, Array]
"""Name -> array; all of equal length."""


def tally_tracks(hits: Hits, tracks: Tracks) -> Counts:
    """Return counts per owner (see `Hits.owner`), columns of shape (P + F,).

    protons, with_primary: 1 for a proton with hits, with primary hits. complete, matched: 1 if a
    track has all and only its primary hits, or matches it (`MATCH`). tracks: those of whose hits
    the owner has most. fakes: of these, no proton has `MATCH` of the hits, its secondaries
    included. duplicates: tracks of which `MATCH` of the hits are primary hits of the proton,
    without the first. Where hits are clusters, the primary hits of a proton are those of its own particle of
    which it has the largest share, its secondaries included; on a track those count with them of which its own
    particle has the second place (`Hits.second`). So a complete track has all clusters of the first kind, and no other than of both.
    """
    n = hits.n_owners
    owner, _ = most_common(tracks, hits.owner, n)
    _, common = most_common(tracks, hits.proton, hits.n_protons, np.where(hits.second == hits.proton, -1, hits.second))
    pure, primary = most_common(tracks, hits.own, hits.n_protons, hits.second)
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


def _matched(hits: Hits, tracks: Tracks, share: float) -> Array:
    found = matches(hits, tracks, share)
    return found[found >= 0]


def _frames_of_protons(hits: Hits) -> Array:
    return np.repeat(np.arange(len(hits.first_proton) - 1), np.diff(hits.first_proton))


def _count(index: Array, n: int) -> Array:
    return np.bincount(index, minlength=n)
