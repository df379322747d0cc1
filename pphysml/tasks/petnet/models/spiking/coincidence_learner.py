"""What the training loop knows of the network of coincidence neurons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from .....contract import Batch, Learner, Term
from .....io.ragged import Array, Columns, ragged
from .....nn.matching import matching_loss
from ...coincidences.candidates import Candidates
from ...coincidences.one_to_one import Scored, taken
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

    def validate(self, model: nn.Module, examples: Columns, finished: Mapping[str, Array] | None = None) -> dict[str, Term]:
        """Return the F1 of the pairs that applying takes, and the share of true pairs that are found."""
        assert isinstance(model, CoincidenceNetwork)
        pairs, logit, crystal = scored_pairs(model, examples, self.lines, self.config.reach)
        n, true = len(crystal), labels_of(examples, pairs, self.config).true
        found, _ = taken(Scored(pairs, n, logit), None, self.config.min_score)
        right = len(np.intersect1d(found.first * n + found.second, (pairs.first * n + pairs.second)[true]))
        return {"f1": Term(2 * right, len(found.first) + true.sum()), "recall": Term(right, true.sum())}


def scored_pairs(network: CoincidenceNetwork, examples: Columns, lines: LineClasses, reach: float,
                 offset: float = 0.0) -> tuple[Candidates, Array, Array]:
    """Return candidate pairs, the logits of their spikes, and the crystal of every single, -1 for none."""
    pairs, crystal = crystal_pairs(examples, lines, reach, offset)
    device = next(network.parameters()).device
    with torch.no_grad():
        logit = network(*(tensor.to(device) for tensor in inputs_of(pairs, crystal, lines, network.unit)))
    return pairs, logit.cpu().numpy(), crystal


def build_network(config: PetConfig, scanner: Scanner) -> CoincidenceNetwork:
    """Return the configured network before its training."""
    options, lines = config.model.coincidence, LineClasses(scanner)
    return CoincidenceNetwork(scanner.n_crystals, lines.steps, lines.rings, options.tau, options.window, options.sharpness)
