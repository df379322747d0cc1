"""Options of the networks."""

from __future__ import annotations

from typing import Annotated, Literal

from ....config import Config, option
from ....own_network import or_own

Network = Literal["relay", "line-graph", "hit-graph"]


class ModelConfig(Config):
    """The network, and how the assignment in each layer takes part in its training."""

    name: Annotated[Network | str, *or_own(Network)] = option("relay", "Network: ours, one of those published with arXiv:2407.13420, or one of your own, FILE.py:CLASS.")
    width: int = option(40, "Width of a link's state.", ge=4, le=8192)
    message_width: int = option(24, "Width of a message between links.", ge=2, le=8192)
    materials: bool = option(False, "Show the network `relay` what lies between the layers, and how thick sensors are: angles in widths of multiple scattering, radiation and water-equivalent lengths.")
    rounds: int = option(3, "Rounds of messages.", ge=1, le=200)
    neighbours: int = option(8, "Straightest continuations of a link, on either side, from which it takes messages.", ge=1, le=1000)
    min_early_probability: float = option(0.001, "Links that a first look finds less probable at one of their hits take no part in the rounds; 0 keeps all.", "", ge=0, lt=0.1)
    early_weight: float = option(0.3, "Weight of the loss of that first look.", "", ge=0)
    published_defects: bool = option(False, "Keep the defects of the published code: the sigmoid of `hit-graph` applied twice, learning rate never lowered.")
    relaxation: Literal["none", "blackbox", "spo+", "fenchel-young", "imle", "sinkhorn", "identity"] = option("none", "How the assignment of every layer enters the loss; `none` is the cross entropy of links alone.")
    relaxation_weight: float = option(1.0, "Weight of the loss through the assignment.", "", ge=0)
    cross_entropy_weight: float = option(1.0, "Weight of the cross entropy of links beside it; 0 leaves the assignment alone.", "", ge=0)
    blackbox_strength: float = option(25.0, "Strength of the blackbox gradient's perturbation, in the convention that is chosen.", "", gt=0)
    blackbox_convention: Literal["published", "scale-free"] = option("scale-free", "`published` applies the strength to the gradient of the mean loss; `scale-free` to the gradient divided by its largest element.")
    temperature: float = option(1.0, "Scale of the noise (fenchel-young, imle) or of the entropy (sinkhorn), in units of the cost.", "", gt=0)
    samples: int = option(2, "Noisy assignments for each gradient (fenchel-young, imle).", ge=1)
    iterations: int = option(20, "Iterations of sinkhorn.", ge=1)

    @property
    def is_published(self) -> bool:
        """Whether the network is one of arXiv:2407.13420, by which as many hits as possible are linked."""
        return self.name in ("line-graph", "hit-graph")
