"""Run the network over examples and decode its output: the road from tensors to trees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from ...io.ragged import Array, Columns, Ragged, length, take
from .config import N_CLASSES, ApplyConfig
from .data import collate
from .decode import decode_exact, decode_search, log_partition
from .invariants import pair_indices
from .models.transformer import LcagTransformer
from .output import Reconstruction

MAX_SUBSETS = 2**17
"""Sets of leaves scored in one forward pass; more only costs memory traffic."""


@dataclass
class Scores:
    """What the decoder needs of events with equal numbers of leaves.

    Attributes:
        rows: which examples, (B,).
        pairs: log-probability of every class of every pair, float32 (B, n, n, C).
        clades: log-odds of every set of leaves being a node of each height, float32 (B, 2**n, C), or None.
    """

    rows: Array
    pairs: Array
    clades: Array | None


@torch.no_grad()
def network_scores(
    network: LcagTransformer, examples: Columns, batch_size: int, device: torch.device
) -> Iterator[Scores]:
    """Yield the network's scores, events of equal size together; events below two leaves are left out."""
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    order = np.argsort(p4.counts, kind="stable")
    sizes, starts = np.unique(p4.counts[order], return_index=True)
    for n, rows in zip(sizes, np.split(order, starts[1:]), strict=True):
        if n < 2:
            continue
        step = max(1, min(batch_size, MAX_SUBSETS >> min(int(n), 16)))
        for start in range(0, len(rows), step):
            chosen = rows[start : start + step]
            yield _forward(network, take({k: examples[k] for k in ("p4", "features") if k in examples}, chosen), chosen, device)


def _forward(network: LcagTransformer, examples: Columns, rows: Array, device: torch.device) -> Scores:
    batch = {name: value.to(device) for name, value in collate(examples).items()}
    n = batch["p4"].shape[1]
    output = network(batch["p4"], batch["n_leaves"], batch.get("features"))
    log_p = output.pairs.float().log_softmax(-1).cpu()
    _, _, table = pair_indices(n)
    pairs = torch.cat([log_p, log_p.new_zeros(len(rows), 1, N_CLASSES)], 1)[:, table.flatten()]
    clades = None
    if output.clades is not None:
        logits = output.clades.float().cpu()
        clades = (logits - logits[..., :1]).numpy()
    return Scores(rows, pairs.view(len(rows), n, n, N_CLASSES).numpy(), clades)


def reconstruct(
    network: LcagTransformer,
    examples: Columns,
    config: ApplyConfig,
    device: torch.device,
    temperature: float = 1.0,
) -> Reconstruction:
    """Return a tree for every event; those of fewer than two leaves have only one possible."""
    p4 = examples["p4"]
    assert isinstance(p4, Ragged)
    n = p4.counts
    events = length(examples)
    offsets = Ragged.from_counts(np.zeros(0), n * n).offsets
    flat = np.zeros(offsets[-1], dtype=np.uint8)
    raw, prob = flat.copy(), np.ones(offsets[-1], dtype=np.float32)
    score, margin = np.zeros(events, dtype=np.float32), np.full(events, np.inf, dtype=np.float32)
    tree_prob, exact = np.ones(events, dtype=np.float32), np.ones(events, dtype=bool)
    for scores in network_scores(network, examples, config.batch_size, device):
        size = scores.pairs.shape[1]
        where = offsets[scores.rows][:, None] + np.arange(size * size)
        best = scores.pairs[..., 1:].argmax(-1).astype(np.uint8) + 1
        best[:, np.arange(size), np.arange(size)] = 0
        raw[where] = best.reshape(len(best), -1)
        is_exact = size <= config.exact_max_leaves
        if config.decode == "argmax":
            matrix, is_exact = best, False
            tree_prob[scores.rows], margin[scores.rows] = -1, np.nan
            score[scores.rows] = _argmax_score(scores.pairs, best)
        else:
            decoded = decode_exact(scores.pairs, scores.clades) if is_exact else decode_search(scores.pairs, config.beam_width)
            matrix = decoded.matrix
            score[scores.rows], margin[scores.rows] = decoded.score, decoded.margin
            tree_prob[scores.rows] = -1
            if is_exact:
                total = log_partition(scores.pairs, scores.clades, temperature)
                tree_prob[scores.rows] = np.exp(np.minimum(decoded.score / temperature - total, 0))
        exact[scores.rows] = is_exact
        flat[where] = matrix.reshape(len(matrix), -1)
        chosen = np.take_along_axis(scores.pairs, matrix[..., None].astype(np.int64), -1)[..., 0]
        chosen[:, np.arange(size), np.arange(size)] = 0
        prob[where] = np.exp(chosen).reshape(len(matrix), -1)
    return Reconstruction(Ragged(flat, offsets), Ragged(raw, offsets), Ragged(prob, offsets), score, margin, tree_prob, exact)


def _argmax_score(pairs: Array, matrix: Array) -> Array:
    chosen = np.take_along_axis(pairs, matrix[..., None].astype(np.int64), -1)[..., 0]
    i, j = np.triu_indices(matrix.shape[1], 1)
    summed: Array = chosen[:, i, j].sum(-1)
    return summed
