"""The engines `likelihood`, which needs no weights, and `pairs`, which corrects it with a network."""

from __future__ import annotations

from typing import Any

from ....errors import ModelError
from ....io.ragged import Columns
from ....model_file import ModelFile
from ..config import ClassicalConfig, PetConfig
from ..network_weights import with_weights
from .learner import build_network
from .mixture import Mixture
from .scoring import Scorer, by_likelihood, by_network, take_pairs
from .survey import Survey

WIDTHS = 5.0
"""Standard deviations of the time difference that a window should hold."""

ENOUGH = 3.0
"""And those below which it loses pairs that count."""


class LikelihoodEngine:
    """Learns from the data how likely pairs are, see `mixture`, and takes them one to one.

    Attributes:
        warnings: what was learnt.
        mixture: of this measurement, once the singles are surveyed.
    """

    def __init__(self, config: PetConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config
        self.mixture: Mixture | None = None
        self._survey = Survey(config.window, config.apply.survey_singles)

    @property
    def warnings(self) -> list[str]:
        """Options that have no effect, and whether the window is too short for what was learnt."""
        ignored = ["the options of apply.classical, such as --policy, have no effect on this engine"] if self.config.apply.classical != ClassicalConfig() else []
        return ignored + self._short_window()

    def _short_window(self) -> list[str]:
        if self.mixture is None:
            return []
        sigma, window = self.mixture.sigma, self.config.window
        if window >= ENOUGH * sigma:
            return []
        return [f"times of pairs differ by {sigma:.0f} ps (standard deviation) from what their places tell, so that a window of {window:g} ps loses pairs; "
                f"take --window {10 * round(WIDTHS * sigma / 10):g}ps"]

    @property
    def scorer(self) -> Scorer:
        """What turns features into scores."""
        return by_likelihood

    def survey(self, examples: Columns) -> bool:
        """Take singles to learn from; return whether further ones are wanted."""
        return self._survey.add(examples)

    def __call__(self, examples: Columns) -> Columns:
        """Return the pairs; see `coincidences.Pairs`."""
        if self.mixture is None:
            self.mixture = self._survey.mixture()
        options = self.config.apply
        return take_pairs(examples, self.mixture, self.scorer, self.config.window, options.offset, options.min_score).columns()


class PairsEngine(LikelihoodEngine):
    """The same with a trained network, which sees besides what pairs share singles with a pair."""

    def __init__(self, config: PetConfig, model: ModelFile | None, device: Any) -> None:
        assert model is not None
        super().__init__(config, model, device)
        if config.model.name != "pairs":
            raise ModelError(f"The weights are of the network {config.model.name!r}, which the engine snn applies, and not pairs: give --engine snn.")
        self.network = with_weights(build_network(config), model).to(device).eval()

    @property
    def scorer(self) -> Scorer:
        """What turns features into scores."""
        return by_network(self.network)
