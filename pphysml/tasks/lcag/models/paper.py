"""What the two networks published with arXiv:2208.14924 share."""

from __future__ import annotations

from torch import Tensor

from .network import LcagNetwork, PairIndex


class PaperNetwork(LcagNetwork):
    """A published network: scores pairs of leaves only, and takes four-vectors as they are.

    J. Kahn et al., "Learning tree structures from leaves for particle decay reconstruction",
    arXiv:2208.14924; structure and numbers are those of the default configuration that its code
    was released with. With `published_defects` the network also behaves as that code does.
    """

    momentum_scale = 1.0


def symmetric_pairs(logits: Tensor, index: PairIndex) -> Tensor:
    """Return the mean over both orders of every pair, (B, n(n-1)/2, C) from (B, n, n, C)."""
    ordered, n = logits.flatten(1, 2), logits.shape[1]
    return (ordered.index_select(1, index.i * n + index.j) + ordered.index_select(1, index.j * n + index.i)) / 2
