"""A track follower: seeds in the first layers, continued where scattering is least surprising.

After H. Pettersen et al. (Nucl. Instrum. Meth. A 860 (2017) 51): hits of the first two layers make
seeds, each is continued into the depth by the hit that deflects it least, inside a cone that
follows multiple scattering; hits are used once, the best tracks first. Added to that: deflections
are judged by a density with the tail of single scatters, several paths of a seed are followed at
the same time, the width of the cone and the directions of the seeds are measured on the frame
itself, and tracks exchange hits and tails at the end.
"""

from __future__ import annotations

import numpy as np

from ....io.ragged import Array, Columns, ragged
from ..config.engines import FollowerConfig
from ..tracks.links import Links, frame_of_hit
from ..tracks.tracks import first_of_chain
from .follower_exchange import exchange
from .follower_hits import measured, sorted_hits
from .follower_kernel import follow
from .follower_score import FollowerRules, link_gains, misfit


def follow_tracks(examples: Columns, options: FollowerConfig) -> Links:
    """Return the links of all frames; `probability` is that of the link against a chance hit."""
    hits, order = sorted_hits(examples)
    layer, rules = ragged(examples, "layer"), follower_rules(options)
    offsets = np.searchsorted(frame_of_hit(examples)[order], np.arange(len(layer) + 1))
    previous = _find(hits, rules, offsets, options.exchanges)
    if options.measure:
        hits = measured(hits, offsets, previous)
        previous = _find(hits, rules, offsets, options.exchanges)
    links = Links(np.full(len(layer.flat), -1, dtype=np.int64), np.ones(len(layer.flat), dtype=np.float32))
    linked = np.flatnonzero(previous >= 0)
    links.previous[order[linked]] = order[previous[linked]]
    links.probability[order[linked]] = 1.0 / (1.0 + np.exp(-link_gains(hits, rules, previous)[linked]))
    return links


def follower_rules(options: FollowerConfig) -> FollowerRules:
    """Return the options as compiled code takes them."""
    return FollowerRules(
        options.max_scatter, float(np.tan(options.max_angle)), float(np.tan(options.seed_angle)), options.tail,
        float(misfit(options.max_scatter**2, options.tail)), options.energy_weight, options.missing_layers,
        options.missing_cost, options.start_layers, options.late_cost, options.branches)


def _find(hits: Array, rules: FollowerRules, offsets: Array, sweeps: int) -> Array:
    """Return the previous hit of each in the order of `hits`, without tracks that gain nothing."""
    previous = follow(hits, rules, offsets)
    exchange(hits, rules, offsets, previous, sweeps)
    root = first_of_chain(previous)
    score = np.bincount(root, link_gains(hits, rules, previous), minlength=len(previous))
    kept: Array = np.where(score[root] > 0.0, previous, -1)
    return kept
