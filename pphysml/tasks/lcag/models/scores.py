"""What the network says of events, as the decoder takes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.functional import logsigmoid

from ....io.ragged import Array, Columns, Ragged, take
from ..trees.validity_rules import N_CLASSES
from .batches import collate
from .inputs import Output
from .invariants import pair_indices

MAX_SUBSETS = 2**17
"""Sets of leaves scored in one forward pass; more only costs memory traffic."""

MAX_PAIRS = 2**14
"""Pairs of leaves in one forward pass of events above 12 leaves, whose sets are not scored."""


class Scores(NamedTuple):
    """What the decoder needs of events with equal numbers of leaves.

    Attributes:
        rows: which examples, (B,).
        pairs: log-probability of every class of every pair, float32 (B, n, n, C).
        clades: log-odds of every set of leaves being a node of each height, float32 (B, 2**n, C), or None.
        leaves: log-probability of every leaf being in no tree, or in one, float32 (B, n, 2); None
            where every event is one tree.
        trees: log-odds of every node, or leaf, being a whole tree, float32 (B, 2**n), or None.
        background: log-odds of each leaf being in no tree, as the network gives it, (B, n), or None.
        hypotheses: probability of each mass hypothesis of each leaf, float32 (B, n, K + 1), or None.
    """

    rows: Array
    pairs: Array
    clades: Array | None = None
    leaves: Array | None = None
    trees: Array | None = None
    hypotheses: Array | None = None
    background: Array | None = None

    @property
    def forest(self) -> dict[str, Array | None]:
        """What the decoder takes by name."""
        return {"leaf_scores": self.leaves, "tree_scores": self.trees}


@torch.no_grad()
def network_scores(
    network: nn.Module, examples: Columns, batch_size: int, device: torch.device
) -> Iterator[Scores]:
    """Yield the network's scores, events of equal size together; those with one possible answer are left out."""
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    for n in np.unique(p4.counts):
        if n < network.smallest:
            continue
        rows = np.flatnonzero(p4.counts == n)
        fitting = MAX_SUBSETS >> int(n) if n <= 12 else 2 * MAX_PAIRS // int(n * (n - 1))
        step = max(1, min(batch_size, fitting))
        for start in range(0, len(rows), step):
            chosen = rows[start : start + step]
            yield _forward(network, take({k: examples[k] for k in ("p4", "features", "pair_features") if k in examples}, chosen), chosen, device)


def _forward(network: nn.Module, examples: Columns, rows: Array, device: torch.device) -> Scores:
    batch = {name: value.to(device) for name, value in collate(examples).items()}
    n = batch["p4"].shape[1]
    return of_output(network(batch["p4"], batch["n_leaves"], batch.get("features"), None, batch.get("pair_features")), rows, n)


def of_output(output: Output, rows: Array, n: int) -> Scores:
    """Return the scores that the logits of events of n leaves, all sets among them, amount to."""
    log_p = output.pairs.float().log_softmax(-1).cpu()
    _, _, table = pair_indices(n)
    pairs = torch.cat([log_p, log_p.new_zeros(len(rows), 1, N_CLASSES)], 1)[:, table.flatten()]
    pairs = pairs.view(len(rows), n, n, N_CLASSES)
    clades = leaves = trees = None
    if output.background is not None:
        logits = output.background.float().cpu()
        leaves = torch.stack([logsigmoid(logits), logsigmoid(-logits)], -1)
    if output.clades is not None:
        logits = output.clades.float().cpu()
        clades = logits - logits[..., :1]
    if output.trees is not None and clades is not None and leaves is not None:
        trees = output.trees.float().cpu()
        # Every node, and leaf of a tree, is scored as no whole tree; the odds come on top if it is.
        inner = logsigmoid(-trees)
        clades = clades + inner[..., None]
        leaves[..., 1] += inner[:, 1 << torch.arange(n)]
    hypotheses = None if output.hypotheses is None else output.hypotheses.float().softmax(-1).cpu()
    background = None if output.background is None else output.background.float().cpu()
    others = (clades, leaves, trees, hypotheses, background)
    return Scores(rows, pairs.numpy(), *(None if t is None else t.numpy() for t in others))
