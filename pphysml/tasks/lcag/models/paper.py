"""What the two networks published with arXiv:2208.14924 share."""

from __future__ import annotations

from torch import Tensor

from ..invariants import pair_indices
from .network import LcagNetwork


class PaperNetwork(LcagNetwork):
    """A published network: scores pairs of leaves only, and takes four-vectors as they are.

    J. Kahn et al., "Learning tree structures from leaves for particle decay reconstruction",
    arXiv:2208.14924; structure and numbers are those of the default configuration that its code
    was released with. With `published_defects` the network also behaves as that code does.
    """

    momentum_scale = 1.0


def symmetric_pairs(logits: Tensor) -> Tensor:
    """Return the mean over both orders of every pair, (B, n(n-1)/2, C) from (B, n, n, C)."""
    i, j, _ = (t.to(logits.device) for t in pair_indices(logits.shape[1]))
    return (logits[:, i, j] + logits[:, j, i]) / 2
