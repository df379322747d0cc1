"""File entries to examples, examples to tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InputError
from ...io.ragged import Array, Columns, Ragged
from ...task import Batch
from .config import LcagConfig
from .trees import parent_problems, parent_to_matrix

IDS = ("file", "entry", "run", "event", "topology", "weight")
MAX_LEVEL = 7


def assemble(chunk: Columns | None, carry: Any, config: LcagConfig) -> tuple[Columns, Any]:
    """Make one example of every entry: `p4`, the ids, `features` and the truth `lcag` if there.

    Raises:
        InputError: truth that is not a tree, or does not fit the leaves; names the entry.
    """
    if chunk is None:
        return {}, None
    momenta = [_ragged(chunk, name) for name in ("px", "py", "pz", "e")]
    examples: Columns = {name: column for name, column in chunk.items() if name in IDS or name.startswith("keep:")}
    examples["p4"] = Ragged(np.stack([m.flat for m in momenta], -1), momenta[0].offsets)
    if config.data.features:
        flat = [_ragged(chunk, name).flat for name in config.data.features]
        examples["features"] = Ragged(np.stack(flat, -1).astype(np.float32), momenta[0].offsets)
    truth = _truth(chunk, momenta[0].counts)
    if truth is not None:
        examples["lcag"] = truth
    return examples, None


def collate(examples: Columns) -> Batch:
    """Return `p4` float64 (B, n, 4), `n_leaves` (B,), and if there `features`, `lcag` (B, n, n), `weight`."""
    p4 = _ragged(examples, "p4")
    n = p4.counts
    width = int(n.max()) if len(n) else 0
    batch: Batch = {"p4": torch.from_numpy(p4.padded(width)), "n_leaves": torch.from_numpy(n)}
    if "features" in examples:
        batch["features"] = torch.from_numpy(_ragged(examples, "features").padded(width))
    if "lcag" in examples:
        batch["lcag"] = torch.from_numpy(dense_matrices(_ragged(examples, "lcag"), n, width)).long()
    if "weight" in examples:
        batch["weight"] = torch.from_numpy(np.asarray(examples["weight"], dtype=np.float32))
    return batch


def dense_matrices(flat: Ragged, n: Array, width: int) -> Array:
    """Return square matrices (B, width, width) from flat rows of n*n values, zero-padded."""
    dense = np.zeros((len(n), width, width), dtype=flat.flat.dtype)
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


def _ragged(columns: Columns, name: str) -> Ragged:
    column = columns[name]
    if not isinstance(column, Ragged):
        raise InputError(f"Column {name!r} must have one value per leaf, but has one per event.")
    return column


def _truth(chunk: Columns, n_leaves: Array) -> Ragged | None:
    if "parent" in chunk:
        matrices, codes = parent_to_matrix(_ragged(chunk, "parent"), n_leaves)
        _refuse(chunk, codes != 0, "parent", lambda row: parent_problems(int(codes[row])))
    elif "lcag" in chunk:
        matrices = _ragged(chunk, "lcag")
        _refuse(chunk, matrices.counts != n_leaves**2, "lcag", lambda row: (
            f"has {matrices.counts[row]} values for {n_leaves[row]} leaves, not their square"))
    else:
        return None
    too_deep = np.flatnonzero(matrices.flat > MAX_LEVEL)
    deep = np.zeros(len(n_leaves), dtype=bool)
    deep[np.searchsorted(matrices.offsets, too_deep, side="right") - 1] = True
    _refuse(chunk, deep, "lcag", lambda row: f"has more than {MAX_LEVEL + 1} generations")
    return matrices


def _refuse(chunk: Columns, bad: Array, branch: str, reason: Any) -> None:
    if not bad.any():
        return
    row = int(np.argmax(bad))
    where = f"entry {np.asarray(chunk['entry'])[row]}" if "entry" in chunk else f"row {row}"
    if "file" in chunk:
        where += f" of input file {np.asarray(chunk['file'])[row]}"
    raise InputError(f"Branch {branch!r}, {where}: {reason(row)}.")
