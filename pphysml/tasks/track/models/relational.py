"""The two perceptrons of the networks published with arXiv:2407.13420."""

from __future__ import annotations

from torch import Tensor, nn

from ....nn.row_norm import RowNorm


class RelationalModel(nn.Module):
    """Three linear layers, each behind a batch normalisation, with LeakyReLU between them.

    Reference: arXiv:2407.13420, after the interaction networks of P. Battaglia et al.,
    arXiv:1612.00222. Shapes: rows (N, inputs) to (N, outputs).
    """

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_layers(inputs, outputs, hidden))
        self.outputs = outputs

    def forward(self, rows: Tensor) -> Tensor:
        """Return the transformed rows."""
        transformed: Tensor = self.layers(rows)
        return transformed

    def stage(self, number: int) -> tuple[RowNorm, nn.Linear]:
        """Return one of the three normalisations, and the linear layer behind it."""
        norm, linear = self.layers[3 * number], self.layers[3 * number + 1]
        assert isinstance(norm, RowNorm) and isinstance(linear, nn.Linear)
        return norm, linear


class ObjectModel(nn.Module):
    """`RelationalModel`, followed by LeakyReLU and a batch normalisation."""

    def __init__(self, inputs: int, outputs: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_layers(inputs, outputs, hidden), nn.LeakyReLU(), RowNorm(outputs))

    def forward(self, rows: Tensor) -> Tensor:
        """Return the transformed rows."""
        transformed: Tensor = self.layers(rows)
        return transformed


def _layers(inputs: int, outputs: int, hidden: int) -> list[nn.Module]:
    return [
        RowNorm(inputs), nn.Linear(inputs, hidden), nn.LeakyReLU(),
        RowNorm(hidden), nn.Linear(hidden, hidden), nn.LeakyReLU(),
        RowNorm(hidden), nn.Linear(hidden, outputs),
    ]
