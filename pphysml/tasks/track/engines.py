"""The engine that applies a trained network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from ...errors import ModelError
from ...io.ragged import Columns, slice_rows
from ...model_file import ModelFile, first_mismatch
from .batches import collate
from .config import TrackConfig
from .joins import join
from .learner import build_network
from .link_engine import LinkEngine
from .links import Links, ragged
from .network_links import find_links

TOGETHER = 20_000
"""Hits of the frames that are treated together, unless it is one frame."""


class NetworkEngine(LinkEngine):
    """Links by a network and an assignment in every layer; see `network_links`."""

    def __init__(self, config: TrackConfig, model: ModelFile | None, device: Any) -> None:
        assert model is not None
        super().__init__(config, model, device)
        self.network = build_network(config)
        try:
            self.network.load_state_dict({name: torch.from_numpy(value) for name, value in model.network.items()})
        except RuntimeError as error:
            raise ModelError(f"The weights do not fit their own configuration: {first_mismatch(error)}.") from None
        self.network.to(device).eval()

    def links(self, examples: Columns) -> Links:
        """Return the links of all frames, some frames at a time."""
        previous, probability, first = [], [], 0
        for part in _parts(examples, self.config.apply.batch_size):
            found = find_links(self.network, collate(part, self.config), self.config)
            if self.config.apply.join_angle > 0:
                found = join(part, found, self.config.apply.join_angle)
            previous.append(np.where(found.previous >= 0, found.previous + first, -1))
            probability.append(found.probability)
            first += len(found.previous)
        return Links(np.concatenate([*previous, np.zeros(0, dtype=np.int64)]),
                     np.concatenate([*probability, np.zeros(0, dtype=np.float32)]))


def _parts(examples: Columns, size: int) -> Iterator[Columns]:
    """Yield `size` frames at a time, but crowded ones, whose links grow with the square of their hits, alone."""
    counts = ragged(examples, "layer").counts
    for start in range(0, len(counts), size):
        stop = min(start + size, len(counts))
        step = size if counts[start:stop].sum() <= TOGETHER else 1
        for first in range(start, stop, step):
            yield slice_rows(examples, first, min(first + step, stop))
