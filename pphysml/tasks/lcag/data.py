"""File entries to examples, examples to tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...contract import Batch
from ...io.ragged import Array, Columns, Ragged
from .config import LcagConfig
from .leaf_momenta import leaf_momenta
from .pair_features import pair_features
from .signal_side import take_out
from .truth import ragged, truth_columns

IDS = ("file", "entry", "experiment", "run", "event", "candidate", "production", "topology", "weight")


def assemble(chunk: Columns | None, carry: Any, config: LcagConfig) -> tuple[Columns, Any]:
    """Make one example of every entry: `p4`, the ids, `features`, `pair_features` and the truth `lcag` if there.

    Where events may hold several trees, the truth `background` says which leaves are in none.
    Leaves of a given signal side are taken out.

    Raises:
        InputError: leaves without energies, or truth or a signal side that cannot be used; names the entry.
    """
    if chunk is None:
        return {}, None
    leaves = ragged(chunk, "px")
    examples: Columns = {name: column for name, column in chunk.items() if name in IDS or name.startswith("keep:")}
    examples["p4"] = p4 = Ragged(leaf_momenta(chunk, config.data), leaves.offsets)
    if config.apply.match is not None and "charge" in chunk:
        examples["charge"] = ragged(chunk, "charge")
    if config.data.features:
        flat = [ragged(chunk, name).flat for name in config.data.features]
        examples["features"] = Ragged(np.stack(flat, -1).astype(np.float32), leaves.offsets)
    if config.data.pair_features:
        examples["pair_features"] = pair_features(chunk, p4, config.data)
    examples |= truth_columns(chunk, leaves.counts, config.data)
    if config.apply.signal_side in chunk:
        examples = take_out(examples, chunk, config.apply.signal_side, config.data.rules)
    return examples, None


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


def flat_matrices(dense: Array, n: Array) -> Ragged:
    """Return flat rows of n*n values from padded matrices (B, width, width); undoes `dense_matrices`."""
    real = np.arange(dense.shape[1]) < n[:, None]
    return Ragged.from_counts(dense[real[:, :, None] & real[:, None, :]], n * n)


def pair_targets(lcag: Tensor, n_leaves: Tensor, i: Tensor, j: Tensor) -> tuple[Tensor, Tensor]:
    """Return the level of each pair (B, P) and which pairs are real (B, P)."""
    return lcag[:, i, j], j < n_leaves[:, None]
