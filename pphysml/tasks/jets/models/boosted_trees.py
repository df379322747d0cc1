"""Boosted trees: fitted by scikit-learn before the training, kept as arrays, evaluated by a compiled loop."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numba import njit
from torch import Tensor, nn

from ....io.ragged import Array
from ..config import JetsConfig

NODES = ("feature", "threshold", "left", "right", "value")
NAMES = (*NODES, "first", "baseline")
"""Arrays of `fit_trees`, of nodes and of all, stored under `trees.NAME`."""


def fit_trees(inputs: Array, label: Array, weight: Array, log_shares: Array, config: JetsConfig) -> dict[str, Array]:
    """Return the trees that scikit-learn's histogram gradient boosting fits, as arrays.

    Args:
        inputs: float32 (n, inputs).
        label: class of each jet; `weight`: none of them negative.
        log_shares: logarithms of how frequent classes are among these jets, (classes,); what the trees give is of classes that are as frequent.

    Returns:
        Of all nodes: `feature` (-1 at a leaf), `threshold` (at most this: left), `left`, `right`, `value`; of trees `first`, their
        root, (trees, outputs); `baseline` (outputs,). One output for two classes, the log-odds of the second.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=config.model.trees, max_leaf_nodes=config.model.leaves, learning_rate=config.model.shrinkage,
                                           early_stopping=True, n_iter_no_change=20, random_state=config.training.seed)
    model.fit(inputs, label, sample_weight=weight)
    parts: dict[str, list[Array]] = {name: [] for name in NODES}
    roots, begin = [], 0
    for iteration in model._predictors:
        row = []
        for tree in iteration:
            nodes = tree.nodes
            leaf = nodes["is_leaf"].astype(bool)
            parts["feature"].append(np.where(leaf, -1, nodes["feature_idx"]).astype(np.int32))
            parts["threshold"].append(np.where(leaf, 0.0, nodes["num_threshold"]))
            parts["left"].append(nodes["left"].astype(np.int32) + begin)
            parts["right"].append(nodes["right"].astype(np.int32) + begin)
            parts["value"].append(nodes["value"].astype(np.float64))
            row.append(begin)
            begin += len(nodes)
        roots.append(row)
    arrays = {name: np.concatenate(found) for name, found in parts.items()}
    return {**{f"trees.{name}": array for name, array in arrays.items()}, "trees.first": np.array(roots, np.int32),
            "trees.baseline": np.ravel(model._baseline_prediction).astype(np.float64) - (log_shares if len(log_shares) > 2 else log_shares[1:] - log_shares[:1])}


class BoostedTrees(nn.Module):
    """Sums of trees, whose scale the training fits, as one step more than their own is the same for all.

    Args:
        config: of the task; `arrays`: of `fit_trees`.
    """

    def __init__(self, config: JetsConfig, arrays: Mapping[str, Array]) -> None:
        super().__init__()
        self.arrays = {name: np.ascontiguousarray(arrays[f"trees.{name}"]) for name in NAMES}
        self.n_classes = len(config.data.classes)
        self.scale = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logarithms of probabilities up to a constant: (n, inputs) -> (n, classes)."""
        a = self.arrays
        sums = summed_trees(np.ascontiguousarray(inputs.detach().cpu().numpy()), a["feature"], a["threshold"], a["left"], a["right"], a["value"], a["first"])
        found = torch.from_numpy((sums + a["baseline"]).astype(np.float32)).to(inputs.device)
        if self.n_classes == 2:
            found = torch.cat([torch.zeros_like(found), found], 1)
        return torch.exp(self.scale) * found


@njit(cache=True, nogil=True)
def summed_trees(inputs: Array, feature: Array, threshold: Array, left: Array, right: Array, value: Array, first: Array) -> Array:
    """Return the sum over trees of the value of each row's leaf, float64 (n, outputs)."""
    n, (trees, outputs) = len(inputs), first.shape
    found = np.zeros((n, outputs))
    for row in range(n):
        for tree in range(trees):
            for output in range(outputs):
                node = first[tree, output]
                while feature[node] >= 0:
                    node = left[node] if inputs[row, feature[node]] <= threshold[node] else right[node]
                found[row, output] += value[node]
    return found
