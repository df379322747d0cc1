"""The engine `snn` with the published network."""

from __future__ import annotations

from typing import Any

import numpy as np

from .....contract import Engine
from .....errors import ConfigError
from .....io.ragged import Columns, ragged
from .....model_file import ModelFile
from .....nn.network_weights import with_weights
from ...coincidences.candidates import candidates
from ...coincidences.pairs import Pairs
from ...config import PetConfig
from ...scanner.scanner import Scanner
from .build import build_network
from .engine_warnings import lost_singles, without_effect
from .published_input import hits_of
from .published_pairs import spiking_pairs


class PublishedEngine(Engine):
    """The published network and the pairs that its output spikes tell.

    The compiled kernels run on the CPU; networks that run in snntorch, on the device.

    Attributes:
        warnings: why the network is slow, if it is; options that have no effect, and singles that are no input.

    Raises:
        ConfigError: a delayed window is asked for, which no output of the network corresponds to.
    """

    def __init__(self, config: PetConfig, scanner: Scanner, model: ModelFile, device: Any) -> None:
        if config.apply.offset:
            raise ConfigError("apply.offset: the published spiking network has no delayed window; estimate randoms with another engine.")
        self.config = config
        self.scanner = scanner
        self.network = with_weights(lambda: build_network(config, scanner), model).eval().spiking
        if self.network.reason is not None:
            self.network.module.to(device)
        self._lost = 0

    @property
    def warnings(self) -> list[str]:
        """See the class."""
        slow = [self.network.reason] if self.network.reason else []
        return slow + without_effect(self.config) + lost_singles(self._lost, self.scanner)

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
