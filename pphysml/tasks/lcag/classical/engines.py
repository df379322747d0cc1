"""The engines of known masses and of known trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract import Engine
from ....errors import ConfigError, ModelError
from ....io.problems import refuse
from ....io.ragged import Array, Columns, Ragged, length
from ....model_file import ModelFile
from ..config import LcagConfig
from ..output.columns import Reconstruction, output_columns
from ..trees.validity_rules import ValidityRules
from .lookup import known, stored_table
from .lookup import predict as look_up
from .mass_engine import FEW, MassEngine
from .massline import MasslineDecoder


class MasslineEngine(MassEngine):
    """Sets of leaves on known invariant masses; see `massline`."""

    name = "massline"
    default_width = 1e-3

    def __init__(self, config: LcagConfig, model: ModelFile | None, device: Any) -> None:
        if not config.data.rules.gap_free:
            raise ConfigError("The engine 'massline' finds generations; it cannot tell the classes of data.classes=stages.")
        super().__init__(config, model, config.apply.massline)
        self.config = config.apply.massline

    @property
    def decoder(self) -> MasslineDecoder:
        """What looks for the masses that are known now."""
        options, lines = self.config, self.lines
        background = options.background if self.rules.forest else None
        return MasslineDecoder(lines.masses.tolist(), lines.root, lines.width, options.floor,
                               background, options.at_rest, options.outliers, options.node)

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each event."""
        self.see(examples)
        decoder = self.decoder
        p4 = examples["p4"]
        assert isinstance(p4, Ragged)
        n, events = p4.counts, length(examples)
        refuse(examples, n > self.config.max_leaves, "px", lambda row: (
            f"has {n[row]} leaves, more than apply.massline.max_leaves={self.config.max_leaves}: the engine 'massline' tries all sets of up to "
            "five of them again and again; raise it and wait, leave such events out of the file, or take another engine"))
        offsets = Ragged.from_counts(np.zeros(0), n * n).offsets
        flat = np.zeros(offsets[-1], dtype=np.uint8)
        background = Ragged(np.zeros(len(p4.flat), dtype=bool), p4.offsets)
        score, margin = np.zeros(events), np.full(events, np.inf)
        for size in np.unique(n[n >= (1 if self.rules.forest else 2)]):
            rows = np.flatnonzero(n == size)
            found = decoder.decode(p4.take(rows).flat.reshape(len(rows), size, 4))
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
        self._events = self._listed = 0

    @property
    def warnings(self) -> list[str]:
        """That the table is of other data, if it is."""
        if not self._events or self._listed >= FEW * self._events:
            return []
        return [f"of {self._events} events {self._listed or 'none'} have leaves of masses that the table of the engine lookup lists: "
                "its result says nothing; give a --model that was trained on such events"]

    def __call__(self, examples: Columns) -> Columns:
        """Return the output columns of each event."""
        events = length(examples)
        listed = known(examples, self.table)
        self._events += len(listed)
        self._listed += int(listed.sum())
        return _classical(examples, look_up(examples, self.table), np.zeros(events), np.full(events, np.nan),
                          np.zeros(events, dtype=bool), self.rules)


def _classical(
    examples: Columns, lcag: Ragged, score: Array, margin: Array, exact: Array, rules: ValidityRules, background: Ragged | None = None
) -> Columns:
    found = Reconstruction(lcag, lcag, None, score, margin, None, exact, background)
    return output_columns(examples, found, rules)
