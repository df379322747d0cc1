"""What the training loop knows of the published spiking network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from .....contract import Batch, Learner, Term
from .....io.ragged import Array, Columns, ragged
from ...coincidences.candidates import candidates
from ...config import PetConfig
from ...scanner.scanner import scanner_of
from ..pairs.labels import labels_of
from .build import build_network
from .published_input import Hits, hits_of
from .published_model import COLUMNS, PublishedModel
from .published_pairs import output_steps, spiking_pairs


class PublishedLearner(Learner):
    """Trains the published network to let both crystals of a pair spike when its second single has come; see `contract.Learner`.

    The published target is the time of the decay, which files of singles do not tell.
    """

    monitor = "f1"

    def __init__(self, config: PetConfig) -> None:
        self.config = config
        self.options = config.model.published
        self.scanner = scanner_of(config.data.scanner)
        self.reach = config.data.window + config.data.max_delay

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network."""
        return build_network(self.config, self.scanner)

    def warnings(self, network: nn.Module) -> list[str]:
        """Return why the network is slow, if it does not run in the compiled kernels."""
        assert isinstance(network, PublishedModel)
        return [network.spiking.reason] if network.spiking.reason else []

    def lengths(self, examples: Columns) -> Array:
        """Return the time that the slices last, in bins."""
        time = ragged(examples, "time")
        last = time.flat[np.maximum(time.offsets[1:] - 1, 0)]
        lasts: Array = ((last - time.flat[time.offsets[:-1]]) * 1e12 / self.options.bin_time).astype(np.int64)
        return lasts

    def collate(self, examples: Columns) -> Batch:
        """Return hits, and the spikes that are wanted of the network."""
        hits, pairs = self._hits(examples, self.reach), self._true_pairs(examples, self.reach)
        number = np.full(len(ragged(examples, "time").flat), -1)
        number[hits.single] = np.arange(len(hits.single))
        both = number[pairs][:, (number[pairs] >= 0).all(0)]
        when = np.tile(hits.bin[both].max(axis=0, initial=0) + self.options.latency, 2)
        spikes = both.ravel()
        batch = {
            **{f"hit_{name}": getattr(hits, name) for name in COLUMNS},
            "spike_sample": hits.sample[spikes], "spike_bin": when, "spike_crystal": hits.crystal[spikes],
            "samples": np.array(hits.samples), "steps": np.array(output_steps(hits, self.options)),
        }
        return {name: torch.from_numpy(np.asarray(value)) for name, value in batch.items()}

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return the terms of `losses.SpikeLoss`."""
        weights = {"timing": self.options.timing_weight}
        return {name: Term(total, count, weights.get(name, 1.0)) for name, (total, count) in model(batch).items()}

    def validate(self, model: nn.Module, examples: Columns, finished: Mapping[str, Array] | None = None) -> dict[str, Term]:
        """Return the F1 of the pairs that the output spikes are decoded to, and the share of true pairs that are found."""
        assert isinstance(model, PublishedModel)
        n, reach = len(ragged(examples, "time").flat), self.config.reach
        found = spiking_pairs(model.spiking, self._hits(examples, reach), self.scanner, self.options, reach)
        true = self._true_pairs(examples, reach)
        right = len(np.intersect1d(found[0] * n + found[1], true[0] * n + true[1]))
        return {"f1": Term(2 * right, found.shape[1] + true.shape[1]), "recall": Term(right, true.shape[1])}

    def _hits(self, examples: Columns, reach: float) -> Hits:
        return hits_of(examples, self.scanner, self.options.bin_time, 2 * reach, self.config.data.slice_singles)

    def _true_pairs(self, examples: Columns, reach: float) -> Array:
        """Return the singles of the true pairs, int64 (2, P)."""
        pairs = candidates(examples, reach)
        true = labels_of(examples, pairs, self.config).true
        return np.stack([pairs.first[true], pairs.second[true]])
