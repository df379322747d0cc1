"""A network of the user's own: it scores ordered pairs of leaves."""

from __future__ import annotations

from torch import Tensor

from ....nn.own_output import checked, refuse_not_finite
from ....own_network import OwnNetwork
from ..config import LcagConfig
from .inputs import Output
from .network import LcagNetwork, PairIndex
from .paper import symmetric_pairs


class OwnPairs(LcagNetwork):
    """Calls the user's class, made as `CLASS(config)`, and checks what it returns.

    Its `forward(leaves, p4, real)` returns the logits of the classes of every ordered pair,
    (B, n, n, config.n_classes), of which the mean over both orders is taken. `leaves` are the numbers of each
    leaf, float32 (B, n, config.n_inputs), see `model.inputs`; `p4` is px, py, pz, E in GeV, float64 (B, n, 4);
    `real` bool (B, n) is False for padding, whose logits do not matter.
    """

    def __init__(self, config: LcagConfig, own: OwnNetwork) -> None:
        super().__init__(config.model, len(config.data.features))
        self.own = own
        self.classes = config.n_classes
        self.network = own.make(config)

    def score(self, p4: Tensor, n_leaves: Tensor, features: Tensor | None, index: PairIndex, member: Tensor | None,
              pair_features: Tensor | None = None) -> Output:
        """Return the logits of pairs; sets are not scored."""
        leaves = self.encode_leaves(p4, n_leaves, features)
        with self.own.reporting(f"{self.own.class_name}.forward"):
            logits = self.network(leaves, p4, index.real)
        wanted = (*index.real.shape, index.real.shape[1], self.classes)
        meaning = "logits of classes for ordered pairs of leaves"
        pairs = symmetric_pairs(checked(self.own, logits, wanted, meaning, leaves, self.training), index)
        refuse_not_finite(self.own, pairs[index.together])
        return Output(pairs)
