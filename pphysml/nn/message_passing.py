"""The base class of networks that are written as message passing on a graph."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric import nn as graphs

from .segments import segment_max


class MessagePassing(graphs.MessagePassing):  # type: ignore[misc] # it has no types
    r"""PyTorch Geometric's message passing (M. Fey, J. E. Lenssen, arXiv:1903.02428), which leaves no files behind.

    .. math:: x'_i = \text{update}(x_i, \text{aggregate}_j\, \text{message}(x_i, x_j, e_{ij}))

    for the messages that j sends to i along an edge; without any, the aggregate is 0. `propagate` does
    this, `edge_updater` makes something of every edge with `edge_update`. Their arguments take those that
    they are called with, of a node's row x as `x_i` and `x_j`. Row 0 of `edge_index` (2, E) has the
    senders, row 1 the receivers.
    """

    def _set_jittable_templates(self, raise_on_error: bool = False) -> None:
        """Keep `propagate` as it is: written out for a class, it would be left in a temporary file by every process."""


class Maximum(graphs.Aggregation):  # type: ignore[misc] # it has no types
    """The largest message, element by element, as the aggregation "max" gives it.

    That one's gradient takes longer, loses a share where the largest is 0, and asks for a further package on a GPU.
    """

    def forward(self, x: Tensor, index: Tensor, ptr: Tensor | None = None, dim_size: int | None = None, dim: int = 0) -> Tensor:
        """Return the maximum over the rows of each of `dim_size` groups, 0 for those without: (rows, C) to (dim_size, C)."""
        assert dim_size is not None
        largest = segment_max(x, index, dim_size, float("-inf"))
        return torch.where(largest == float("-inf"), 0.0, largest)
