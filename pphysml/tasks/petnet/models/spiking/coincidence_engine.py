"""The engine `snn` with coincidence neurons."""

from __future__ import annotations

from typing import Any

from .....contract import Engine
from .....io.ragged import Array, Columns, ragged
from .....model_file import ModelFile
from .....nn.network_weights import with_weights
from ...coincidences.candidates import Candidates
from ...coincidences.one_to_one import Scored, taken
from ...config import PetConfig
from ...scanner.scanner import Scanner
from .coincidence_learner import build_network, scored_pairs
from .engine_warnings import lost_singles, without_effect
from .line_classes import LineClasses


class CoincidenceEngine(Engine):
    """Coincidence neurons, of which those that share a single inhibit each other; see `coincidence` and `coincidences.one_to_one`.

    Attributes:
        warnings: options that have no effect, and singles that are no input.
    """

    def __init__(self, config: PetConfig, scanner: Scanner, model: ModelFile, device: Any) -> None:
        self.config = config
        self.lines = LineClasses(scanner)
        self.network = with_weights(lambda: build_network(config, scanner), model).to(device).eval()
        self._lost = 0

    @property
    def warnings(self) -> list[str]:
        """See the class."""
        return without_effect(self.config) + lost_singles(self._lost, self.lines.scanner)

    def __call__(self, examples: Columns) -> Columns:
        """Return the pairs; see `coincidences.pairs.Pairs`."""
        options, n = self.config.apply, len(ragged(examples, "time").flat)
        prompt, logit, lost = self._scored(examples, 0.0)
        self._lost += lost
        delayed = None
        if options.offset:
            late, of_late, _ = self._scored(examples, options.offset)
            delayed = Scored(late, n, of_late)
        pairs, _ = taken(Scored(prompt, n, logit), delayed, self.config.min_score)
        return pairs.columns()

    def _scored(self, examples: Columns, offset: float) -> tuple[Candidates, Array, int]:
        """Return pairs, the logits of their spikes, and the number of singles in no crystal."""
        pairs, logit, crystal = scored_pairs(self.network, examples, self.lines, self.config.reach, offset)
        return pairs, logit, int((crystal < 0).sum())
