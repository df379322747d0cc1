"""The engines of known masses and of known trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract import Engine
from ....errors import ConfigError, ModelError
from ....io.ragged import Array, Columns, Ragged, length
from ....model_file import ModelFile
from ..config import LcagConfig
from ..output.columns import Reconstruction, output_columns
from ..trees.validity_rules import ValidityRules
from .lookup import predict as look_up
from .lookup import stored_table
from .massline import MasslineDecoder


class MasslineEngine(Engine):
    """Sets of leaves on known invariant masses; see `massline`."""

    def __init__(self, config: LcagConfig, model: ModelFile | None, device: Any) -> None:
        if not config.data.rules.gap_free:
            raise ConfigError("The engine 'massline' finds generations; it cannot tell the classes of data.classes=stages.")
        options = config.apply.massline
        known = options.masses or sorted({config.simulation.root_mass, *config.simulation.intermediate_masses})
        self.rules = config.data.rules
        background = options.background if config.data.forest else None
        self.decoder = MasslineDecoder(
            known, config.simulation.root_mass, options.width, options.floor,
            background, options.at_rest, options.outliers, options.node)

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each event."""
        p4 = examples["p4"]
        assert isinstance(p4, Ragged)
        n, events = p4.counts, length(examples)
        offsets = Ragged.from_counts(np.zeros(0), n * n).offsets
        flat = np.zeros(offsets[-1], dtype=np.uint8)
        background = Ragged(np.zeros(len(p4.flat), dtype=bool), p4.offsets)
        score, margin = np.zeros(events), np.full(events, np.inf)
        for size in np.unique(n[n >= (1 if self.rules.forest else 2)]):
            rows = np.flatnonzero(n == size)
            found = self.decoder.decode(p4.take(rows).flat.reshape(len(rows), size, 4))
            flat[offsets[rows][:, None] + np.arange(size * size)] = found.matrix.reshape(len(rows), -1)
            background.flat[p4.offsets[rows][:, None] + np.arange(size)] = found.background
            score[rows], margin[rows] = found.score, found.margin
        return _classical(examples, Ragged(flat, offsets), score, margin, n <= 12, self.rules, background)


class LookupEngine(Engine):
    """The most frequent tree of the same leaf masses in training; see `lookup`."""

    def __init__(self, config: LcagConfig, model: ModelFile | None, device: Any) -> None:
        self.rules = config.data.rules
        self.table = {} if model is None else stored_table(model)
        if not self.table:
            raise ModelError("The engine 'lookup' needs the table of a trained model; give --model RUN.")

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each event."""
        events = length(examples)
        return _classical(examples, look_up(examples, self.table), np.zeros(events), np.full(events, np.nan),
                          np.zeros(events, dtype=bool), self.rules)


def _classical(
    examples: Columns, lcag: Ragged, score: Array, margin: Array, exact: Array, rules: ValidityRules, background: Ragged | None = None
) -> Columns:
    found = Reconstruction(lcag, lcag, None, score, margin, None, exact, background)
    return output_columns(examples, found, rules)
