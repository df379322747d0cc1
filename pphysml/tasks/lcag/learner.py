"""What the training loop knows of `lcag`: preparation, network, losses, validation, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import nn

from ...io.ragged import Array, Columns, Ragged, length, take
from ...task import Batch, Term
from .calibration import fit_temperature
from .config import LcagConfig
from .data import collate
from .domain import fit_domain
from .lookup import fit as fit_lookup
from .losses import lcag_losses
from .models import MODELS
from .models.transformer import LcagTransformer
from .output import rows_equal
from .reconstruct import reconstruct


class LcagLearner:
    """Trains `LcagTransformer`; see `task.Learner`."""

    monitor = "perfect"

    def __init__(self, config: LcagConfig) -> None:
        self.config = config

    def prepare(self, examples: Iterable[Columns]) -> dict[str, Array]:
        """Fit the domain of validity, the lookup table, and the scales of extra features."""
        chunk = next(iter(examples))
        prepared = fit_domain(chunk)
        prepared.update({f"lookup.{name}": value for name, value in fit_lookup(chunk).items()})
        if self.config.data.features:
            features = chunk["features"]
            assert isinstance(features, Ragged)
            values = features.flat
            prepared["feature_mean"] = values.mean(0)
            prepared["feature_scale"] = np.maximum(values.std(0), 1e-6)
        return prepared

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network, with the scales of extra features in its buffers."""
        return build_network(self.config, prepared)

    def lengths(self, examples: Columns) -> Array:
        """Return the number of leaves."""
        p4 = examples["p4"]
        assert isinstance(p4, Ragged)
        return p4.counts

    def collate(self, examples: Columns) -> Batch:
        """Return padded tensors; the events' weights only if the configuration asks for them."""
        batch = collate(examples)
        if self.config.data.weight is None:
            batch.pop("weight", None)
        return batch

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return the terms of the loss."""
        output = model(batch["p4"], batch["n_leaves"], batch.get("features"))
        return lcag_losses(output, batch, self.config.model)

    def validate(self, model: nn.Module, examples: Columns) -> dict[str, Term]:
        """Return the share of perfect trees, decoded (`perfect`) and by argmax (`perfect_argmax`)."""
        assert isinstance(model, LcagTransformer)
        usable = take(examples, self.lengths(examples) >= 2)
        n = length(usable)
        found = reconstruct(model, usable, self.config.apply, next(model.parameters()).device)
        truth = usable["lcag"]
        assert isinstance(truth, Ragged)
        right = rows_equal(truth.flat, found.lcag.flat, truth.offsets).sum()
        right_raw = rows_equal(truth.flat, found.lcag_raw.flat, truth.offsets).sum()
        return {"perfect": Term(right, n), "perfect_argmax": Term(right_raw, n)}

    def finish(self, model: nn.Module, examples: Columns) -> dict[str, Array]:
        """Fit the temperature that calibrates the probability of the decoded tree."""
        assert isinstance(model, LcagTransformer)
        usable = take(examples, self.lengths(examples) >= 2)
        return {"temperature": np.array(fit_temperature(model, usable, self.config.apply))}


def build_network(config: LcagConfig, prepared: Mapping[str, Array]) -> LcagTransformer:
    """Return the configured network with random weights."""
    network = MODELS[config.model.name](config.model, len(config.data.features))
    if config.data.features:
        network.feature_mean.copy_(torch.from_numpy(prepared["feature_mean"]))
        network.feature_scale.copy_(torch.from_numpy(prepared["feature_scale"]))
    return network
