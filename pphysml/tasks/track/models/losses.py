"""Losses of links: competition for hits (ours), each link by itself (published), and the assignment."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from ....contract import Batch, Term
from ....nn.assignment import BipartiteGraph
from ....nn.assignment_relaxations import AssignmentOptions, assignment_loss
from ....nn.segments import segment_logsumexp
from ..config.model import ModelConfig
from .scores import LinkScores

FRONT_LAYERS = 3
"""Links of these layers' hits have a mean of their own in the published loss."""


def competition_loss(scores: LinkScores, batch: Batch) -> Term:
    r"""Return the cross entropy of what each hit is linked to, on either side.

    The links of a hit towards the beam, and having none, compete in a softmax:
    :math:`-\log p(e) = \log(\exp f + \sum_{e'} \exp s_{e'}) - s_e`; so do those away from the beam. It is
    the pseudo-likelihood of an assignment whose score is the sum of both sides, see `link_assignment.gains`.
    Only hits with candidates count.
    """
    n = len(scores.start)
    total, count = scores.link.new_zeros(()), scores.link.new_zeros(())
    for hit, free in ((batch["deep"], scores.start), (batch["shallow"], scores.end)):
        every = segment_logsumexp(scores.link[:, None], hit, n, free[:, None])[:, 0]
        true = batch["truth"]
        chosen = free.index_add(0, hit[true], scores.link[true] - free[hit[true]])
        has = torch.bincount(hit, minlength=n) > 0
        total = total + (every - chosen)[has].sum()
        count = count + has.sum()
    return Term(total, count)


def link_loss(scores: LinkScores, batch: Batch) -> dict[str, Term]:
    """Return the cross entropy of each link by itself: of links of the first layers' hits, and of the rest.

    The published loss (arXiv:2407.13420) is the sum of the two means.
    """
    loss = binary_cross_entropy_with_logits(scores.link, batch["truth"].float(), reduction="none")
    front = is_front(batch)
    return {"front": Term(loss[front].sum(), front.sum()), "rest": Term(loss[~front].sum(), (~front).sum())}


def assignment_term(scores: LinkScores, batch: Batch, options: ModelConfig) -> Term:
    """Return the loss through the assignment of every layer, see `nn.assignment_relaxations`.

    Ours counts a link twice, for both of its sides, against the free scores of its hits; one of the user's own
    once, against none. The published networks link as many hits as possible, and their loss is the sum of two
    means as in `link_loss`.
    Noise follows torch's global generator, which the training loop seeds for every step.
    """
    hits = len(scores.start)
    graph = BipartiteGraph(batch["deep"].cpu().numpy(), batch["shallow"].cpu().numpy(), hits, hits)
    chosen = AssignmentOptions(options.relaxation, options.blackbox_strength, options.blackbox_convention,
                               options.temperature, options.samples, options.iterations)
    noise = torch.Generator().manual_seed(int(torch.randint(2**31, (1,))))
    frames = batch["frame"].max() + 1 if hits else scores.link.new_zeros(())
    front = is_front(batch).to(scores.link)
    if not options.is_published:
        sides = 2 if options.name == "relay" else 1
        loss = assignment_loss(sides * scores.link, graph, batch["truth"], chosen, scores.start, scores.end,
                               weight=torch.full_like(front, 1 / max(hits, 1)), generator=noise)
    else:
        weight = front / front.sum().clamp(min=1) + (1 - front) / (1 - front).sum().clamp(min=1)
        loss = assignment_loss(scores.link, graph, batch["truth"], chosen, weight=weight, generator=noise)
    return Term(loss * frames, frames, options.relaxation_weight)


def is_front(batch: Batch) -> Tensor:
    """Return which links touch a hit of the first layers, bool (E,)."""
    return batch["layer"][batch["shallow"]] < FRONT_LAYERS
