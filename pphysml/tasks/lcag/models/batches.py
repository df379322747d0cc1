"""Examples to tensors, padded to the longest."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ....contract import Batch
from ....io.ragged import Array, Columns, Ragged, ragged


def collate(examples: Columns) -> Batch:
    """Return `p4` float64 (B, n, 4), `n_leaves` (B,), and if there `features` (B, n, F), `pair_features`
    (B, n, n, K), `lcag` (B, n, n), `background` (B, n; true for padding), `hypothesis` (B, n), `weight`."""
    p4 = ragged(examples, "p4")
    n = p4.counts
    # Events without leaves have one of padding: there are networks that cannot do without.
    width = max(int(n.max(initial=0)), 1)
    batch: Batch = {"p4": torch.from_numpy(p4.padded(width)), "n_leaves": torch.from_numpy(n)}
    if "features" in examples:
        batch["features"] = torch.from_numpy(ragged(examples, "features").padded(width))
    if "pair_features" in examples:
        batch["pair_features"] = torch.from_numpy(dense_matrices(ragged(examples, "pair_features"), n, width))
    if "lcag" in examples:
        batch["lcag"] = torch.from_numpy(dense_matrices(ragged(examples, "lcag"), n, width)).long()
    if "background" in examples:
        batch["background"] = torch.from_numpy(ragged(examples, "background").padded(width, fill=True))
    if "hypothesis" in examples:
        batch["hypothesis"] = torch.from_numpy(ragged(examples, "hypothesis").padded(width))
    if "weight" in examples:
        batch["weight"] = torch.from_numpy(np.asarray(examples["weight"], dtype=np.float32))
    return batch


def dense_matrices(flat: Ragged, n: Array, width: int) -> Array:
    """Return square matrices (B, width, width, ...) from flat rows of n*n values, zero-padded."""
    dense = np.zeros((len(n), width, width, *flat.flat.shape[1:]), dtype=flat.flat.dtype)
    real = np.arange(width) < n[:, None]
    dense[real[:, :, None] & real[:, None, :]] = flat.flat
    return dense


def pair_targets(lcag: Tensor, n_leaves: Tensor, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
    """Return the level of each pair (B, P) and which pairs are real (B, P)."""
    return lcag[:, i, j], j < n_leaves[:, None]
