"""The engine `snn`: spiking networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .....contract import Engine
from .....errors import ConfigError, ModelError
from .....io.ragged import Array, Columns, ragged
from .....model_file import ModelFile
from .....nn.network_weights import with_weights
from ...coincidences.candidates import Candidates, candidates
from ...coincidences.one_to_one import Scored, taken
from ...coincidences.pairs import Pairs
from ...config import PetConfig
from ...scanner.scanner import Scanner
from .coincidence_input import crystal_pairs, inputs_of
from .coincidence_learner import build_network as coincidence_network
from .line_classes import LineClasses
from .published_input import hits_of
from .published_model import PublishedModel
from .published_pairs import spiking_pairs
from .scanners import scanner_of


def snn_engine(config: PetConfig, model: ModelFile | None, device: Any) -> Engine:
    """Return the engine of the weights' network.

    Raises:
        ModelError: the weights are of no spiking network, or of another scanner.
    """
    assert model is not None
    if config.model.name == "pairs":
        raise ModelError("The weights are of the network 'pairs', which does not spike: give --engine pairs.")
    scanner = scanner_of(config.scanner)
    own = scanner_of(config.data.scanner)
    if (scanner.layers, scanner.n_rings, scanner.crystals_per_ring) != (own.layers, own.n_rings, own.crystals_per_ring):
        raise ModelError(f"The network has an input for each of the {own.n_crystals} crystals of {own.name!r}, and cannot take the {scanner.n_crystals} of {scanner.name!r}.")
    if config.model.name == "published":
        return PublishedEngine(config, scanner, model)
    return CoincidenceEngine(config, scanner, model, device)


class CoincidenceEngine(Engine):
    """Coincidence neurons, of which those that share a single inhibit each other; see `coincidence` and `coincidences.one_to_one`.

    Attributes:
        warnings: options that have no effect, and singles that are no input.
    """

    def __init__(self, config: PetConfig, scanner: Scanner, model: ModelFile, device: Any) -> None:
        self.config = config
        self.device = device
        self.lines = LineClasses(scanner)
        self.network = with_weights(coincidence_network(config, scanner), model).to(device).eval()
        self._lost = 0

    @property
    def warnings(self) -> list[str]:
        """See the class."""
        return _ignored(self.config) + _lost(self._lost, self.lines.scanner)

    def __call__(self, examples: Columns) -> Columns:
        """Return the pairs; see `coincidences.pairs.Pairs`."""
        options, n = self.config.apply, len(ragged(examples, "time").flat)
        prompt, logit, lost = self._scored(examples, 0.0)
        self._lost += lost
        delayed = None
        if options.offset:
            late, of_late, _ = self._scored(examples, options.offset)
            delayed = Scored(late, n, of_late)
        return taken(Scored(prompt, n, logit), delayed, self.config.min_score).columns()

    def _scored(self, examples: Columns, offset: float) -> tuple[Candidates, Array, int]:
        """Return pairs, the logits of their spikes, and the number of singles in no crystal."""
        pairs, crystal = crystal_pairs(examples, self.lines, self.config.reach, offset)
        with torch.no_grad():
            logit = self.network(*(tensor.to(self.device) for tensor in inputs_of(pairs, crystal, self.lines, self.network.unit)))
        return pairs, logit.cpu().numpy(), int((crystal < 0).sum())


class PublishedEngine(Engine):
    """The published network and the pairs that its output spikes tell, on the CPU.

    Attributes:
        warnings: options that have no effect, and singles that are no input.

    Raises:
        ConfigError: a delayed window is asked for, which no output of the network corresponds to.
    """

    def __init__(self, config: PetConfig, scanner: Scanner, model: ModelFile) -> None:
        if config.apply.offset:
            raise ConfigError("apply.offset: the published spiking network has no delayed window; estimate randoms with another engine.")
        self.config = config
        self.scanner = scanner
        self.network = with_weights(PublishedModel(config.model.published, scanner), model).eval().network
        self._lost = 0

    @property
    def warnings(self) -> list[str]:
        """See the class."""
        return _ignored(self.config) + _lost(self._lost, self.scanner)

    def __call__(self, examples: Columns) -> Columns:
        """Return the pairs; see `coincidences.pairs.Pairs`. All have the score 1."""
        options, reach = self.config.model.published, self.config.reach
        hits = hits_of(examples, self.scanner, options.bin_time, 2 * reach, self.config.data.slice_singles)
        n = len(ragged(examples, "time").flat)
        self._lost += n - len(hits.single)
        first, second = spiking_pairs(self.network, hits, self.scanner, options, reach)
        near = candidates(examples, reach)
        degree = np.bincount(np.concatenate([near.first, near.second]), minlength=n)
        return Pairs(first, second, np.ones(len(first)), degree[first] + degree[second], np.zeros(len(first), dtype=bool)).columns()


def _ignored(config: PetConfig) -> list[str]:
    delays = ["apply.calibrate_delays has no effect on this engine, whose network learns delays itself"] if config.apply.calibrate_delays else []
    return config.ignored_target + delays


def _lost(n: int, scanner: Scanner) -> list[str]:
    return [f"{n} singles are in no crystal of the scanner {scanner.name!r}, and in no pair"] if n else []
