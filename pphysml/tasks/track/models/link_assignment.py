"""Scores of links to links: the best assignment of every layer to the one before it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ....contract import Batch
from ....io.ragged import Array
from ....nn.assignment import BipartiteGraph, solve_assignment
from ....nn.segments import segment_logsumexp
from ..tracks.links import Links
from .scores import LinkScores


def gains(scores: LinkScores, batch: Batch) -> Tensor:
    r"""Return by how much each link is better than none, (E,).

    Each of its two hits chooses between it, with the score :math:`s_e`, and no link, with
    :math:`f_d` (`start` of the deep hit) and :math:`f_s` (`end` of the shallow one); an assignment has
    the sum of all choices, so that a link adds :math:`2 s_e - f_d - f_s`.
    """
    return 2 * scores.link - scores.start.index_select(0, batch["deep"]) - scores.end.index_select(0, batch["shallow"])


def link_probabilities(scores: LinkScores, batch: Batch) -> Tensor:
    """Return the geometric mean of the two sides' probabilities of each link, (E,)."""
    n = len(scores.start)
    sides = [scores.link - segment_logsumexp(scores.link[:, None], hit, n, free[:, None])[:, 0].index_select(0, hit)
             for hit, free in ((batch["deep"], scores.start), (batch["shallow"], scores.end))]
    return torch.exp((sides[0] + sides[1]) / 2)


def links_of(gain: Array, probability: Array, deep: Array, shallow: Array, n_hits: int, no_link: bool) -> Links:
    """Return the links of the largest total gain.

    Args:
        gain: of each link over none, (E,); `deep` and `shallow` are its hits.
        no_link: a hit may stay without a link if that is better; if not, as many hits as possible are linked.
    """
    free = np.zeros(n_hits) if no_link else None
    chosen = solve_assignment(BipartiteGraph(deep, shallow, n_hits, n_hits), -gain, free, free)
    previous = np.full(n_hits, -1, dtype=np.int64)
    previous[deep[chosen]] = shallow[chosen]
    found = np.ones(n_hits, dtype=np.float32)
    found[deep[chosen]] = probability[chosen]
    return Links(previous, found)
