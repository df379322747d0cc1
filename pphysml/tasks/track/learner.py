"""What the training loop knows of `track`: preparation, network, losses, validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
from torch import nn

from ...io.ragged import Array, Columns, concatenate, length, slice_rows
from ...registry import load_attribute
from ...task import Batch, Term
from .batches import collate
from .config import TrackConfig
from .domain import fit_domain
from .judging.completeness import complete_particles
from .losses import assignment_term, competition_loss, link_loss
from .models import NETWORKS
from .network_links import find_links
from .scores import score


class TrackLearner:
    """Trains a network of `models.NETWORKS`; see `task.Learner`."""

    monitor = "complete"
    prepare_examples = 256

    def __init__(self, config: TrackConfig) -> None:
        self.config = config

    def prepare(self, examples: Iterable[Columns]) -> dict[str, Array]:
        """Fit the domain of validity."""
        return fit_domain(concatenate(list(examples)))

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network."""
        return build_network(self.config)

    def lengths(self, examples: Columns) -> Array:
        """Return the number of hits."""
        layer = examples["layer"]
        return np.diff(layer.offsets)  # type: ignore[union-attr]

    def collate(self, examples: Columns) -> Batch:
        """Return hits and candidate links; see `batches.collate`."""
        return collate(examples, self.config)

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return the terms of the loss."""
        options = self.config.model
        scores = score(model, batch)
        terms: dict[str, Term] = {}
        if options.relaxation != "none":
            terms["assignment"] = assignment_term(scores, batch, options)
        if options.relaxation == "none" or options.cross_entropy_weight > 0:
            parts = {"links": competition_loss(scores, batch)} if options.name == "relay" else link_loss(scores, batch)
            weight = options.cross_entropy_weight if options.relaxation != "none" else 1.0
            terms |= {name: replace(term, weight=weight) for name, term in parts.items()}
        return terms

    def validate(self, model: nn.Module, examples: Columns) -> dict[str, Term]:
        """Return the share of beam particles whose hits are all and only those of one track, and of right links."""
        found = total = right = links = 0
        for start in range(0, length(examples), self.config.apply.batch_size):
            part = slice_rows(examples, start, start + self.config.apply.batch_size)
            batch = self.collate(part)
            answer = find_links(model, batch, self.config)
            complete = complete_particles(part, answer)
            found, total = found + int(complete.complete.sum()), total + len(complete.complete)
            true = batch["true_previous"].numpy()
            right, links = right + int((answer.previous[true >= 0] == true[true >= 0]).sum()), links + int((true >= 0).sum())
        return {"complete": Term(found, total), "links": Term(right, links)}

    def finish(self, model: nn.Module, examples: Columns) -> dict[str, Array]:
        """Nothing is fitted after training."""
        return {}


def build_network(config: TrackConfig) -> nn.Module:
    """Return the configured network with random weights."""
    network: nn.Module = load_attribute(NETWORKS[config.model.name])(config.model)
    return network
