"""How many tracks were matched to their own proton in front of the object."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ....evaluation.result import Metric
from ....evaluation.uncertainty import wilson
from ....io.ragged import Array, Columns, ragged
from ..tracks.tracks import Tracks
from ..tracks.true_tracks import Hits, matches
from .track_metrics import MATCH, Counts


def front_rows(hits: Hits, tracks: Tracks, predictions: Columns) -> Counts:
    """Return one row per track that matches a proton: whether it has a track in front (`fronted`), and whether that is of the same proton (`right`)."""
    proton = matches(hits, tracks, MATCH)
    known = proton >= 0
    front: Array = ragged(predictions, "front_proton").flat.astype(np.int64)
    own = front + hits.first_proton[tracks.frame]
    return {"fronted": np.isfinite(ragged(predictions, "front_x0").flat)[known], "right": ((front >= 0) & (own == proton))[known]}


def front_metrics(rows: Counts) -> Iterator[Metric]:
    """Yield share and purity of the tracks with their own track in front."""
    right, of = int(rows["right"].sum()), f"tracks that match a proton ({MATCH:.0%} of the hits of both)"
    for name, n, words in (("front_efficiency", len(rows["right"]), of), ("front_purity", int(rows["fronted"].sum()), f"{of} and have any there")):
        share = wilson(right, n)
        yield Metric(name, float(share.value), float(share.low), float(share.high), n, f"Tracks with the track of their own proton in front of the object, over {words}.")
