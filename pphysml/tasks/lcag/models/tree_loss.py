"""The loss of whole trees: minus the log-probability of the true one among all valid ones.

With the score s(t) = sum over the nodes, leaves and trees of t, the loss -log exp(s(t)) / Z has the
gradient of s(drawn) - s(true) in the mean over trees that are drawn with their probability. One
tree per event is drawn exactly (`decode.sampling`), so that the network answers with gradients for
the nodes of two trees instead of for all sets of leaves.

Log-odds of sets by themselves, as the cross entropy learns them, count each node's small prior
probability against every tree that has it; here nodes compete as parts of trees.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from ....contract import Batch, Term
from ..decode import Drawn, sample_trees, tree_score
from ..trees.validity_rules import ValidityRules
from .clades import clade_targets, tree_targets
from .inputs import Output
from .scores import of_output

MAX_SETS = 2**17
"""Sets of leaves scored for one size of events in one step; beyond, not all events take part."""


class Contest(NamedTuple):
    """The true tree of every event, and one drawn.

    Attributes:
        sets: what both are made of, (B, 4n): `_parts` of the drawn tree, then of the true one.
        drawn, true: heights and whole trees of these sets, and background leaves (B, n).
        surprise: minus the log-probability of the true tree, (B,).
        takes_part: bool (B,); of large events only some do.
    """

    sets: Tensor
    drawn: tuple[Tensor, Tensor, Tensor]
    true: tuple[Tensor, Tensor, Tensor]
    surprise: Tensor
    takes_part: Tensor


def hold_contest(network: nn.Module, batch: Batch, rules: ValidityRules) -> Contest:
    """Draw a tree for every event; needs a network that scores sets of leaves, and small events."""
    lcag, n_leaves = batch["lcag"], batch["n_leaves"]
    strays = batch.get("background", torch.arange(lcag.shape[1], device=lcag.device) >= n_leaves[:, None])
    drawn, drawn_strays, surprise, takes_part = _draw(network, batch, strays, rules)
    sets, heights, whole = _parts(drawn, drawn_strays, n_leaves)
    true_sets, true_heights, true_whole = _parts(lcag, strays, n_leaves)
    return Contest(torch.cat([sets, true_sets], 1), (heights, whole, drawn_strays),
                   (true_heights, true_whole, strays), surprise, takes_part)


def tree_term(output: Output, contest: Contest, batch: Batch, weight: float) -> Term:
    """Return the mean loss of the true trees; its value is exact, its gradient that of one drawn tree.

    Args:
        output: logits of the contest's sets.

    Pairs do not take part: what they say of trees, sets say too.
    """
    half = contest.sets.shape[1] // 2
    above = _score(output, slice(0, half), contest.drawn, batch["n_leaves"])
    below = _score(output, slice(half, None), contest.true, batch["n_leaves"])
    difference = above - below
    each = contest.surprise + difference - difference.detach()
    count = batch.get("weight", torch.ones_like(each)) * contest.takes_part
    return Term((each * count).sum(), count.sum(), weight)


def _draw(network: nn.Module, batch: Batch, strays: Tensor, rules: ValidityRules) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return drawn matrices and background leaves, minus log P of the truth, and which events take part."""
    device = strays.device
    rng = np.random.default_rng(int(torch.randint(1 << 62, ()).item()))
    matrices, backgrounds = batch["lcag"].clone(), strays.clone()
    surprise, takes_part = torch.zeros(len(strays), device=device), torch.zeros(len(strays), dtype=torch.bool, device=device)
    for n in sorted(set(batch["n_leaves"].tolist())):
        if n < (1 if rules.forest else 2):
            continue
        rows = (batch["n_leaves"] == n).nonzero()[: max(1, MAX_SETS >> n), 0]
        features = batch["features"][rows, :n] if "features" in batch else None
        of_pairs = batch["pair_features"][rows, :n, :n] if "pair_features" in batch else None
        with torch.no_grad():
            output = network(batch["p4"][rows, :n], batch["n_leaves"][rows], features, None, of_pairs)
        drawn, log_p = _draw_equal(rng, output, batch["lcag"][rows, :n, :n], strays[rows, :n], rules)
        matrices[rows, :n, :n] = torch.from_numpy(drawn.matrix).to(device).long()
        backgrounds[rows, :n] = torch.from_numpy(drawn.background).to(device)
        surprise[rows] = -torch.from_numpy(log_p).to(device, surprise.dtype)
        takes_part[rows] = True
    return matrices, backgrounds, surprise, takes_part


def _draw_equal(rng: np.random.Generator, output: Output, lcag: Tensor, strays: Tensor, rules: ValidityRules) -> tuple[Drawn, np.ndarray]:
    """Return drawn trees of events of equal size, and the log-probability of the true ones."""
    n = lcag.shape[1]
    scores = of_output(output, np.arange(len(lcag)), n)
    none = np.zeros_like(scores.pairs)
    drawn = sample_trees(
        rng, none, scores.clades, leaf_scores=scores.leaves, tree_scores=scores.trees, gap_free=rules.gap_free)
    truth = tree_score(none, scores.clades, lcag.cpu().numpy().astype(np.uint8), **scores.forest, background=strays.cpu().numpy())
    return drawn, truth - drawn.log_z


def _parts(lcag: Tensor, strays: Tensor, n_leaves: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the sets that a tree is made of, single leaves first, (B, 2n): bitmasks, heights, whole trees."""
    batch, n, _ = lcag.shape
    heights, scored = clade_targets(lcag, n_leaves)
    whole, _ = tree_targets(lcag, strays, heights, scored)
    height, nodes = (heights * scored).topk(n, dim=1)
    single = (1 << torch.arange(n, device=lcag.device)).expand(batch, n)
    sets = torch.cat([single, nodes], 1)
    height = torch.cat([torch.zeros_like(height), height], 1)
    own = whole.gather(1, sets)
    own[:, n:] &= height[:, n:] > 0
    return sets, height, own


def _score(output: Output, which: slice, tree: tuple[Tensor, Tensor, Tensor], n_leaves: Tensor) -> Tensor:
    """Return the score of one tree per event, (B,), as `scores.of_output` and the decoder count it."""
    assert output.clades is not None
    height, whole, strays = tree
    logits = output.clades[:, which]
    n = strays.shape[1]
    node = height > 0
    gained = logits.gather(2, height[..., None])[..., 0] - logits[..., 0]
    score = (gained * node).sum(1)
    if output.background is None or output.trees is None:
        return score
    real = torch.arange(n, device=strays.device) < n_leaves[:, None]
    in_tree = real & ~strays
    odds = output.trees[:, which]
    asked = node.clone()
    asked[:, :n] = in_tree
    score = score + (logsigmoid(-odds) * asked).sum(1) + (odds * (whole & asked)).sum(1)
    background = output.background
    return score + (logsigmoid(background) * (real & strays) + logsigmoid(-background) * in_tree).sum(1)
