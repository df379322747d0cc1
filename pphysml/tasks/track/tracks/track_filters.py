"""Which tracks are kept."""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ..config import FilterConfig
from .track_fit import bends, largest_kink
from .tracks import Tracks


def kept_tracks(examples: Columns, tracks: Tracks, filters: FilterConfig) -> Array:
    """Return whether each track passes all filters, bool (T,).

    A track whose last energy loss is not known does not pass a cut on it.
    """
    kept: Array = tracks.hits.counts >= filters.min_hits
    if filters.max_kink is not None:
        kept &= largest_kink(bends(examples, tracks), tracks) <= filters.max_kink
    if filters.min_last_dedx is not None:
        with np.errstate(invalid="ignore"):
            kept &= ragged(examples, "dedx").flat[tracks.last] >= filters.min_last_dedx
    return kept
