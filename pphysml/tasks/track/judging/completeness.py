"""Which particles of the beam are found completely: all and only their own hits in one track."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ....io.ragged import Array, Columns
from ..graph import true_links
from ..links import Links, frame_of_hit, ragged

ANY_LAYERS = 10_000


class Complete(NamedTuple):
    """The particles of the beam that have hits themselves, one value each.

    Attributes:
        frame: row of the frame.
        n_hits: number of its own hits.
        complete: whether they are all and only the hits of one track.
    """

    frame: Array
    n_hits: Array
    complete: Array


def complete_particles(examples: Columns, links: Links) -> Complete:
    """Compare links with the truth; a track of one hit counts as found if the hit has no link."""
    frame = frame_of_hit(examples)
    primary, proton = ragged(examples, "primary").flat, ragged(examples, "proton").flat
    own = primary & (proton >= 0)
    true = true_links(examples, ANY_LAYERS)
    _, which, n_hits = np.unique(np.stack([frame[own], proton[own]]), axis=1, return_inverse=True, return_counts=True)
    owner = np.full(len(frame), -1, dtype=np.int64)
    owner[own] = which.ravel()
    wrong = np.zeros(len(n_hits), dtype=bool)
    wrong[owner[own & (links.previous != true)]] = True
    # A track that goes on into a hit of another particle is wrong for the one whose last hit this is.
    linked = np.flatnonzero(links.previous >= 0)
    before = owner[links.previous[linked]]
    wrong[before[(before >= 0) & (before != owner[linked])]] = True
    first = np.unique(which.ravel(), return_index=True)[1]
    return Complete(frame[own][first], n_hits, ~wrong)
