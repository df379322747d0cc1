"""Losses of the matrix elements and of the sets of leaves, as sums and counts."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from ...task import Batch, Term
from .config import ModelConfig
from .data import pair_targets
from .invariants import pair_indices
from .models.clades import clade_targets
from .models.transformer import Output


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


def lcag_losses(output: Output, batch: Batch, config: ModelConfig) -> dict[str, Term]:
    """Return the terms `pairs` (mean over pairs) and `clades` (sum over sets, per true node)."""
    n = batch["p4"].shape[1]
    i, j, _ = (t.to(output.pairs.device) for t in pair_indices(n))
    targets, real = pair_targets(batch["lcag"], batch["n_leaves"], i, j)
    weight = torch.ones(len(targets), 1, device=real.device)
    if "weight" in batch:
        weight = batch["weight"][:, None]
    gamma = config.focal_gamma if config.loss == "focal" else 0.0
    loss = element_loss(output.pairs, torch.where(real, targets, 0), gamma)
    counted = real * weight
    terms = {"pairs": Term((loss * counted).sum(), counted.sum())}
    if output.clades is not None:
        heights, scored = clade_targets(batch["lcag"], batch["n_leaves"])
        surprise = functional.cross_entropy(
            output.clades.flatten(0, 1), heights.flatten(), reduction="none"
        ).view_as(heights)
        nodes = ((heights > 0) & scored) * weight
        total = (surprise * (scored * weight)).sum()
        terms["clades"] = Term(total, nodes.sum(), config.clade_loss_weight)
    return terms
