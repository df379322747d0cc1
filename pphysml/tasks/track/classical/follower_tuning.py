"""Options of the follower that do best on frames with truth, so that it is a fair opponent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ....io.ragged import Columns
from ..config.engines import FollowerConfig
from ..judging.track_metrics import tally_tracks
from ..tracks.links import Links
from ..tracks.merged_hits import share
from ..tracks.tracks import find_tracks
from ..tracks.true_tracks import true_hits
from .follower import follow_tracks

GRID: Mapping[str, tuple[Any, ...]] = {
    "missing_layers": (0, 1),
    "max_angle": (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8),
    "seed_angle": (0.05, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5),
    "max_scatter": (8.0, 12.0, 16.0, 25.0, 40.0, 60.0),
    "tail": (1.5, 3.0, 6.0, 20.0),
    "energy_weight": (0.0, 0.2, 0.4, 0.8, 1.6, 3.0),
    "late_cost": (2.0, 4.0, 8.0, 16.0),
    "start_layers": (1, 2, 4),
    "branches": (1, 4, 8),
    "measure": (False, True),
}
"""Values that are tried, the most important option first."""


def complete_product(examples: Columns, links: Links, least: int = 2) -> float:
    """Return efficiency times purity of complete tracks.

    Efficiency: protons of which a track has all primary hits and no other, over those with hits.
    Purity: the same over all tracks of at least `least` hits.
    """
    tracks = find_tracks(examples, links)
    tracks = tracks.keep(tracks.hits.counts >= least)
    counts = tally_tracks(true_hits(examples), share(examples, tracks) if "second_proton" in examples else tracks)
    complete, protons, made = (float(counts[name].sum()) for name in ("complete", "protons", "tracks"))
    return complete**2 / (protons * made) if protons and made else 0.0


def tune_follower(
    examples: Columns, options: FollowerConfig, *, rounds: int = 2, grid: Mapping[str, tuple[Any, ...]] = GRID,
    figure: Callable[[Columns, Links], float] = complete_product,
) -> tuple[FollowerConfig, float]:
    """Return the options with the largest figure on frames of one density, and that figure.

    One option is changed at a time, all values of `grid` tried in turn, until a round changes none.

    Args:
        rounds: most rounds over all options.
        figure: what is made as large as possible.
    """
    best = figure(examples, follow_tracks(examples, options))
    for _ in range(rounds):
        before = options
        for name, values in grid.items():
            for value in values:
                trial = options.model_copy(update={name: value})
                if trial != options and (reached := figure(examples, follow_tracks(examples, trial))) > best:
                    options, best = trial, reached
        if options == before:
            break
    return options, best
