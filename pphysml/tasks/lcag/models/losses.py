"""Losses of the matrix elements and of the sets of leaves, as sums and counts."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor

from ....contract import Batch, Term
from ..config.model import ModelConfig
from .batches import pair_targets
from .clades import clade_targets, sample_sets, tree_targets
from .inputs import Output
from .invariants import pair_indices


def element_loss(logits: Tensor, targets: Tensor, gamma: float = 0.0) -> Tensor:
    r"""Return the focal loss of each element, :math:`-(1-p_t)^\gamma \log p_t`.

    `gamma` 0 is the cross entropy. The factor belongs to each element, not to the mean of a batch.
    Reference: T.-Y. Lin et al., "Focal loss for dense object detection", arXiv:1708.02002, eq. 4.

    Shapes: logits (..., C), targets int64 (...); returns (...).
    """
    log_p = logits.log_softmax(-1).gather(-1, targets[..., None])[..., 0]
    if gamma == 0:
        return -log_p
    return -((1 - log_p.exp()).clamp_min(0) ** gamma) * log_p


def batch_focal_loss(surprise: Tensor, weight: Tensor, gamma: float) -> Tensor:
    r"""Return the cross entropies times one factor :math:`(1-e^{-L})^\gamma` of their mean :math:`L`.

    What the code published with arXiv:2208.14924 trains with in place of `element_loss`; the mean
    is that of the batch, or on several processes of the share of each.

    Shapes: cross entropies and weights (B, P); returns (B, P).
    """
    mean = (surprise * weight).sum() / weight.sum().clamp_min(1e-12)
    return surprise * (1 - (-mean).exp()).clamp_min(0) ** gamma


class CladeTargets(NamedTuple):
    """What the sets of leaves are, (B, K) each.

    Attributes:
        sets: bitmasks, or None for all 2**n in order.
        heights: of true nodes, else 0.
        weight: in the loss of the heights.
        whole, asked: whether a set is a whole tree, and whether that is asked.
    """

    sets: Tensor | None
    heights: Tensor
    weight: Tensor
    whole: Tensor
    asked: Tensor


def choose_sets(batch: Batch, count: int) -> CladeTargets:
    """Return the sets of leaves for one training step: all, or if `count` is smaller a sample."""
    lcag, n_leaves = batch["lcag"], batch["n_leaves"]
    heights, scored = clade_targets(lcag, n_leaves)
    background = batch.get("background", torch.arange(lcag.shape[1], device=lcag.device) >= n_leaves[:, None])
    whole, asked = tree_targets(lcag, background, heights, scored)
    if not 0 < count < heights.shape[1]:
        return CladeTargets(None, heights, scored.float(), whole, asked)
    sets, weight = sample_sets(heights, n_leaves, count)
    heights, scored, whole, asked = (t.gather(1, sets) for t in (heights, scored, whole, asked))
    # Nodes and single leaves come first, each once; what is drawn again is not asked again.
    asked[:, 2 * lcag.shape[1] :] = False
    return CladeTargets(sets, heights, weight * scored, whole, asked)


def lcag_losses(output: Output, batch: Batch, targets: CladeTargets | None, config: ModelConfig) -> dict[str, Term]:
    """Return the terms `pairs` (mean over pairs), `clades` (sum over sets, per true node), and for
    events of several trees `background` (mean over leaves) and `trees` (mean over true nodes)."""
    n = batch["p4"].shape[1]
    i, j, _ = (t.to(output.pairs.device) for t in pair_indices(n))
    levels, real = pair_targets(batch["lcag"], batch["n_leaves"], i, j)
    weight = batch["weight"][:, None] if "weight" in batch else torch.ones(len(levels), 1, device=real.device)
    gamma = config.focal_gamma if config.loss == "focal" else 0.0
    loss = element_loss(output.pairs, torch.where(real, levels, 0), 0.0 if config.published_defects else gamma)
    if config.published_defects and gamma:
        loss = batch_focal_loss(loss, real * weight, gamma)
    terms = {"pairs": _mean(loss, real * weight)}
    if output.background is not None:
        leaves = torch.arange(n, device=real.device) < batch["n_leaves"][:, None]
        surprise = _binary(output.background, batch["background"] & leaves)
        terms["background"] = _mean(surprise, leaves * weight, config.clade_loss_weight)
    if output.hypotheses is not None:
        leaves = torch.arange(n, device=real.device) < batch["n_leaves"][:, None]
        surprise = functional.cross_entropy(output.hypotheses.flatten(0, 1), batch["hypothesis"].flatten(), reduction="none")
        terms["hypotheses"] = _mean(surprise.view_as(leaves), leaves * weight)
    if output.clades is not None and targets is not None:
        terms["clades"] = _clade_loss(output.clades, targets, weight, config.clade_loss_weight)
    if output.trees is not None and targets is not None:
        surprise = _binary(output.trees, targets.whole)
        terms["trees"] = _mean(surprise, targets.asked * weight, config.clade_loss_weight)
    return terms


def _clade_loss(logits: Tensor, targets: CladeTargets, weight: Tensor, factor: float) -> Term:
    heights = targets.heights
    surprise = functional.cross_entropy(logits.flatten(0, 1), heights.flatten(), reduction="none").view_as(heights)
    nodes = (targets.asked & (heights > 0)) * weight
    return Term((surprise * (targets.weight * weight)).sum(), nodes.sum(), factor)


def _binary(logits: Tensor, target: Tensor) -> Tensor:
    return functional.binary_cross_entropy_with_logits(logits, target.to(logits.dtype), reduction="none")


def _mean(values: Tensor, weight: Tensor, factor: float = 1.0) -> Term:
    return Term((values * weight).sum(), weight.sum(), factor)
