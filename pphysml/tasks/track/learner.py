"""What the training loop knows of `track`: preparation, network, losses, validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from ...contract import Batch, Learner, Term
from ...io.ragged import Array, Columns
from .config import TrackConfig
from .judging.track_metrics import tally_tracks
from .models.batches import collate
from .models.build import build_network
from .models.domain import fit_domain
from .models.losses import assignment_term, competition_loss, link_loss
from .models.network_links import find_links
from .models.scores import LinkScores, score
from .tracks.made_tracks import made_tracks
from .tracks.true_tracks import true_hits

FEW, MANY = 256, 10_240
"""Frames to which the domain of validity is fitted: of given calorimeters, and of drawn ones."""


class TrackLearner(Learner):
    """Trains a network of `models.NETWORKS`; see `contract.Learner`."""

    monitor = "complete"

    def __init__(self, config: TrackConfig) -> None:
        self.config = config
        drawn = config.simulation.drawn_geometries.share > 0
        # Every block draws a calorimeter of its own, and the domain is that of many, if the training sees so many.
        seen = config.training.steps * config.training.batch_size
        self.prepare_examples = max(FEW, min(MANY, seen)) if drawn else FEW

    def prepare(self, examples: Iterable[Columns]) -> dict[str, Array]:
        """Fit the domain of validity."""
        return fit_domain(examples)

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network."""
        return build_network(self.config)

    def lengths(self, examples: Columns) -> Array:
        """Return the number of hits."""
        layer = examples["layer"]
        return np.diff(layer.offsets)  # type: ignore[union-attr]

    def collate(self, examples: Columns) -> Batch:
        """Return hits and candidate links; see `models.batches.collate`."""
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
        if scores.early is not None:
            zero = torch.zeros_like(scores.start)
            terms["early"] = replace(competition_loss(LinkScores(scores.early, zero, zero), batch), weight=options.early_weight)
        return terms

    def validate(self, model: nn.Module, examples: Columns, finished: Mapping[str, Array] | None = None) -> dict[str, Term]:
        """Return the share of protons with primary hits that are complete, and of true links that are found; in the tracks that are kept."""
        hits, links = true_hits(examples), find_links(model, examples, self.config)
        tracks = made_tracks(examples, links, self.config)
        counts, linked = tally_tracks(hits, tracks), hits.previous >= 0
        right = (links.previous == hits.previous) & (tracks.of_hit >= 0)
        return {"complete": Term(int(counts["complete"].sum()), int(counts["with_primary"].sum())),
                "links": Term(int(right[linked].sum()), int(linked.sum()))}
