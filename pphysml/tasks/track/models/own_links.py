"""A network of the user's own: it scores candidate links."""

from __future__ import annotations

from torch import Tensor, nn

from ....contract import Batch
from ....nn.own_output import checked, refuse_not_finite
from ....own_network import OwnNetwork
from ..config import TrackConfig
from .link_data import graph_of


class OwnLinks(nn.Module):
    """Calls the user's class, made as `CLASS(config)`, and checks what it returns.

    Its `forward(data)` takes a `torch_geometric.data.Data`, see `link_data.graph_tensors`, without the truth, and
    returns the log-odds of every candidate link to be a true one, (E,).
    """

    def __init__(self, config: TrackConfig, own: OwnNetwork) -> None:
        super().__init__()
        self.own = own
        self.network = own.make(config)

    def forward(self, batch: Batch) -> Tensor:
        """Return the log-odds of every link, (E,)."""
        graph = graph_of({name: tensor for name, tensor in batch.items() if name != "truth"})
        with self.own.reporting(f"{self.own.class_name}.forward"):
            logits = self.network(graph)
        links = (len(batch["deep"]),)
        found = checked(self.own, logits, links, "one logit for each candidate link", batch["x"], self.training)
        refuse_not_finite(self.own, found)
        return found
