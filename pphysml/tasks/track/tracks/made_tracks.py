"""Links to the tracks that are kept."""

from __future__ import annotations

from ....io.ragged import Columns
from ..config import TrackConfig
from .links import Links
from .merged_hits import share
from .track_filters import kept_tracks
from .tracks import Tracks, find_tracks


def made_tracks(examples: Columns, links: Links, config: TrackConfig) -> Tracks:
    """Return the chains of links that pass the filters, with the clusters that several of them share."""
    found = find_tracks(examples, links)
    kept = found.keep(kept_tracks(examples, found, config.apply.filters))
    return share(examples, kept) if config.data.hits == "clusters" else kept
