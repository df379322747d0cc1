"""A network of fully connected layers on high-level variables."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ..config import JetsConfig

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU}


class Layers(nn.Module):
    """Layers with an activation between them (C. Shimmin et al., arXiv:1703.03507, section III; widths of ATL-PHYS-PUB-2018-014).

    Args:
        config: of the task.
        n_inputs: of each jet.
    """

    def __init__(self, config: JetsConfig, n_inputs: int) -> None:
        super().__init__()
        options, widths = config.model, [n_inputs, *config.model.layers]
        parts: list[nn.Module] = []
        for before, after in pairwise(widths):
            parts += [nn.Linear(before, after), ACTIVATIONS[options.activation](), nn.Dropout(options.dropout)]
        self.layers = nn.Sequential(*parts, nn.Linear(widths[-1], len(config.data.classes)))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return a logarithm of each class's probability, up to a constant: (n, inputs) -> (n, classes)."""
        logits: Tensor = self.layers(inputs)
        return logits
