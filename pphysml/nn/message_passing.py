"""The base class of networks that are written as message passing on a graph."""

from __future__ import annotations

import warnings

import torch_geometric.nn

# Of the maximum on a GPU; another package would be needed for that.
warnings.filterwarnings("ignore", ".*can be accelerated via the 'torch-scatter' package")


class MessagePassing(torch_geometric.nn.MessagePassing):  # type: ignore[misc] # it has no types
    r"""PyTorch Geometric's message passing (M. Fey, J. E. Lenssen, arXiv:1903.02428), which leaves no files behind.

    .. math:: x'_i = \text{update}(x_i, \text{aggregate}_j\, \text{message}(x_i, x_j, e_{ij}))

    for the messages that j sends to i along an edge; without any, the aggregate is 0. `propagate` does
    this, `edge_updater` makes something of every edge with `edge_update`. Their arguments take those that
    they are called with, of a node's row x as `x_i` and `x_j`. Row 0 of `edge_index` (2, E) has the
    senders, row 1 the receivers.
    """

    def _set_jittable_templates(self, raise_on_error: bool = False) -> None:
        """Keep `propagate` as it is: written out for a class, it would be left in a temporary file by every process."""
