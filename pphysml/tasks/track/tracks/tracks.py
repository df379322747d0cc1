"""Links to tracks: chains of hits, numbered and listed without a loop over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ....io.ragged import Array, Columns, Ragged, ragged
from .links import Links, frame_of_hit


@dataclass(frozen=True)
class Tracks:
    """T tracks through the H hits of some frames; tracks of a frame follow one another.

    Attributes:
        of_hit: int64 (H,), track of each hit, -1 for none; of a hit that several share the one that has links with it.
        hits: T rows, indices among the H hits from the beam inwards; no row is empty.
        frame: int64 (T,), row of each track's frame.
    """

    of_hit: Array
    hits: Ragged
    frame: Array

    @property
    def first(self) -> Array:
        """Index of each track's first hit, int64 (T,)."""
        index: Array = self.hits.flat[self.hits.offsets[:-1]]
        return index

    @property
    def last(self) -> Array:
        """Index of each track's last hit, int64 (T,)."""
        index: Array = self.hits.flat[self.hits.offsets[1:] - 1]
        return index

    @property
    def owner(self) -> Array:
        """Track of each listed hit, int64, parallel to `hits.flat`."""
        return np.repeat(np.arange(len(self.hits)), self.hits.counts)

    def keep(self, kept: Array) -> Tracks:
        """Return the tracks of a mask (T,); the hits of the others belong to none."""
        # The last element serves hits without a track, whose index is -1.
        number = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
        return Tracks(number[self.of_hit], self.hits.take(kept), self.frame[kept])


def find_tracks(examples: Columns, links: Links) -> Tracks:
    """Return every chain of links, in the order of their first hits; a hit without links is one too.

    Raises:
        ValueError: the links are not those of chains, see `check_links`.
    """
    check_links(examples, links)
    first = first_of_chain(links.previous)
    starts = links.previous < 0
    of_hit = (np.cumsum(starts) - 1)[first]
    # Hits of a frame are sorted by layer, so that a stable order of tracks runs from the beam inwards.
    listed = np.argsort(of_hit, kind="stable")
    hits = Ragged.from_counts(listed, np.bincount(of_hit, minlength=int(starts.sum())))
    return Tracks(of_hit, hits, frame_of_hit(examples)[starts])


def first_of_chain(previous: Array) -> Array:
    """Return the hit in which the chain of each hit begins, int64 (H,), by pointer jumping."""
    jump = np.where(previous < 0, np.arange(len(previous)), previous)
    while True:
        further = jump[jump]
        if np.array_equal(further, jump):
            return jump
        jump = further


def check_links(examples: Columns, links: Links) -> None:
    """Refuse links that are no chains inside a frame.

    Raises:
        ValueError: not one link per hit, an index out of range, a hit that is the previous one of
            two, or a previous hit in another frame or not in a layer nearer to the beam.
    """
    layer, frame = ragged(examples, "layer").flat, frame_of_hit(examples)
    if not len(links.previous) == len(links.probability) == len(layer):
        raise ValueError(f"{len(links.previous)} links for {len(layer)} hits")
    linked = np.flatnonzero(links.previous >= 0)
    previous = links.previous[linked]
    if (links.previous < -1).any() or (previous >= len(layer)).any():
        raise ValueError("a previous hit is none of the hits")
    if (np.bincount(previous, minlength=1) > 1).any():
        raise ValueError("a hit is the previous one of two")
    if (frame[previous] != frame[linked]).any():
        raise ValueError("a previous hit is in another frame")
    if (layer[previous] >= layer[linked]).any():
        raise ValueError("a previous hit is not in a layer nearer to the beam")
