"""Self-attention with a bias for every pair, as in the Particle Transformer."""

from __future__ import annotations

import math

from torch import Tensor, nn


class PairBiasedAttention(nn.Module):
    r"""Multi-head self-attention whose scores carry a learned bias per pair.

    :math:`\mathrm{softmax}(QK^T/\sqrt{d} + U)V`. Reference: H. Qu, C. Li, S. Qian, "Particle
    Transformer for jet tagging", arXiv:2202.03772, equation 3.

    Args:
        width: width of the states; a multiple of `heads`.
        heads: number of heads.

    Shapes: states (B, n, width); bias (B, heads, n, n), -inf where a key is padding.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, states: Tensor, bias: Tensor) -> Tensor:
        """Return the mixed states."""
        batch, n, width = states.shape
        packed = self.query_key_value(states).view(batch, n, 3, self.heads, width // self.heads)
        query, key, value = packed.permute(2, 0, 3, 1, 4).unbind(0)
        scores = query @ key.transpose(-1, -2) / math.sqrt(width // self.heads) + bias
        mixed = scores.softmax(-1) @ value
        return self.out(mixed.transpose(1, 2).reshape(batch, n, width))  # type: ignore[no-any-return]
