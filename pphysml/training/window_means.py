"""Means of the loss and its terms over the steps since they were last reported."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor

from .processes import summed


class WindowMeans:
    """Sums by name, float64, of this process's shares of the steps' values.

    A batch alone says little: batches are of examples of one size.

    Args:
        kept: sum and number of steps by name, of all processes before a checkpoint.
    """

    def __init__(self, fabric: Fabric, kept: Mapping[str, tuple[float, int]]) -> None:
        self.fabric = fabric
        first = fabric.global_rank == 0
        self.sums = {name: torch.tensor(total if first else 0.0, dtype=torch.float64, device=fabric.device)
                     for name, (total, _) in kept.items()}
        self.steps = {name: steps for name, (_, steps) in kept.items()}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add one step, which need not have every name."""
        for name, value in values.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.double()
            self.steps[name] = self.steps.get(name, 0) + 1

    def kept(self) -> dict[str, tuple[float, int]]:
        """Return sum over all processes and number of steps by name, for a checkpoint."""
        if not self.sums:
            return {}
        totals = summed(self.fabric, torch.stack([*self.sums.values()])).tolist()
        return {name: (total, self.steps[name]) for name, total in zip(self.sums, totals, strict=True)}

    def take(self) -> dict[str, float]:
        """Return the means by name, and begin anew."""
        found = {name: total / steps for name, (total, steps) in self.kept().items()}
        self.sums, self.steps = {}, {}
        return found
