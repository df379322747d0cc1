"""What the training loop knows of the network of coincidence neurons."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from .....contract import Batch, Learner, Term
from .....io.ragged import Array, Columns, ragged
from .....nn.matching import matching_loss, matching_marginals
from ...config import PetConfig
from ...scanner.scanner import Scanner, scanner_of
from ..pairs.labels import labels_of
from .coincidence import CoincidenceNetwork
from .coincidence_input import Inputs, crystal_pairs, inputs_of
from .line_classes import LineClasses


class CoincidenceLearner(Learner):
    """Trains `CoincidenceNetwork` with the probability of the true matching; see `contract.Learner`."""

    monitor = "f1"

    def __init__(self, config: PetConfig) -> None:
        self.config = config
        self.lines = LineClasses(scanner_of(config.data.scanner))
        self.reach = config.data.window + config.data.max_delay

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network."""
        return build_network(self.config, self.lines.scanner)

    def lengths(self, examples: Columns) -> Array:
        """Return the number of singles."""
        return ragged(examples, "time").counts

    def collate(self, examples: Columns) -> Batch:
        """Return the candidate pairs of the slices with their truth."""
        pairs, crystal = crystal_pairs(examples, self.lines, self.reach)
        inputs = inputs_of(pairs, crystal, self.lines, self.config.model.coincidence.tau)
        return {
            **{f"input_{name}": tensor for name, tensor in inputs._asdict().items()},
            "first": torch.from_numpy(pairs.first), "second": torch.from_numpy(pairs.second),
            "true": torch.from_numpy(labels_of(examples, pairs, self.config).true), "n_singles": torch.tensor(len(crystal)),
        }

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return minus the logarithm of the true matchings' probability, per pair."""
        logit = model(*(batch[f"input_{name}"] for name in Inputs._fields))
        loss = matching_loss(logit, int(batch["n_singles"]), batch["first"], batch["second"], batch["true"])
        return {"matching": Term(loss, max(1, int(batch["true"].sum())))}

    def validate(self, model: nn.Module, examples: Columns) -> dict[str, Term]:
        """Return the F1 of pairs, and the share of true pairs that are found."""
        batch = {name: tensor.to(next(model.parameters()).device) for name, tensor in self.collate(examples).items()}
        logit = model(*(batch[f"input_{name}"] for name in Inputs._fields)).detach().cpu().numpy()
        first, second, true = (batch[name].cpu().numpy() for name in ("first", "second", "true"))
        taken = matching_marginals(int(batch["n_singles"]), first, second, logit)[0] >= self.config.min_score
        right = (true & taken).sum()
        return {"f1": Term(2 * right, taken.sum() + true.sum()), "recall": Term(right, true.sum())}


def build_network(config: PetConfig, scanner: Scanner) -> CoincidenceNetwork:
    """Return the configured network before its training."""
    options, lines = config.model.coincidence, LineClasses(scanner)
    return CoincidenceNetwork(scanner.n_crystals, lines.steps, lines.rings, options.tau, options.window, options.sharpness)
