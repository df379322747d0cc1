"""The engines `likelihood`, which needs no weights, and `pairs`, which corrects it with a network."""

from __future__ import annotations

from typing import Any

from .....contract import Engine
from .....errors import ModelError
from .....io.ragged import Columns
from .....model_file import ModelFile
from .....nn.network_weights import with_weights
from ...config import PetConfig
from ...config.engines import ClassicalConfig
from ...delays.correction import Delays, with_corrected_times
from ...delays.survey import corrected_by_others, measured
from ...likelihood.mixture import Mixture
from ...likelihood.survey import Survey, mixture_of
from ...scanner.scanner import load_scanner
from .learner import build_network
from .scoring import Choice, Scorer, best_min_score, by_likelihood, by_network, take_pairs

WIDTHS = 5.0
"""Standard deviations of the time difference that a window should hold."""

ENOUGH = 3.0
"""And those below which it loses pairs that count."""


class LikelihoodEngine(Engine):
    """Learns from the data how likely pairs are, see `likelihood.mixture`, and takes them one to one.

    Attributes:
        warnings: what was learnt.
        mixture, choice: of this measurement, and which pairs are taken, once the singles are surveyed.
        delays: of the crystals, then; None if they are not calibrated.
    """

    def __init__(self, config: PetConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config
        self.mixture: Mixture | None = None
        self.choice: Choice | None = None
        self.delays: Delays | None = None
        self._survey = Survey(config.apply.survey_singles, config.apply.calibrate_delays)

    @property
    def warnings(self) -> list[str]:
        """Options that have no effect, what was calibrated, and whether the window is too short for what was learnt."""
        ignored = ["the options of apply.classical, such as --policy, have no effect on this engine"] if self.config.apply.classical != ClassicalConfig() else []
        return ignored + ([self.delays.sentence(self.config.data.max_delay, self.config.window)] if self.delays else []) + self._short_window()

    def _short_window(self) -> list[str]:
        if self.mixture is None:
            return []
        sigma, window = self.mixture.sigma, self.config.window
        if window >= ENOUGH * sigma:
            return []
        return [f"times of pairs differ by {sigma:.0f} ps (standard deviation) from what their places tell, so that a window of {window:g} ps loses pairs; "
                f"take --window {10 * round(WIDTHS * sigma / 10):g}ps"
                + ("" if self.delays else ", or, if crystals have fixed delays, --set apply.calibrate_delays=true with data.max_delay")]

    @property
    def scorer(self) -> Scorer:
        """What turns features into scores."""
        return by_likelihood

    def _learnt(self) -> tuple[Mixture, Choice]:
        """Return what the singles tell that were surveyed."""
        examples, options = self._survey.taken(), self.config.apply
        if options.calibrate_delays:
            examples = self._calibrated(examples)
        mixture = mixture_of(examples, self.config.window)
        choice = Choice(self.config.window, options.offset, unscattered=options.target == "unscattered")
        least = best_min_score(examples, mixture, self.scorer, choice) if options.min_score is None else options.min_score
        return mixture, choice._replace(min_score=least)

    def _calibrated(self, examples: Columns) -> Columns:
        """Measure the delays of crystals in slices, and return these with corrected times."""
        scanner = None if self.config.scanner is None else load_scanner(self.config.scanner)
        self.delays = measured(examples, scanner, self.config.reach)
        return corrected_by_others(examples, scanner, self.config.reach, self.delays)

    @property
    def surveys(self) -> bool:
        """It learns from the data."""
        return True

    def facts(self) -> dict[str, Any]:
        """Return the standard deviation of the time difference, ps, once it is learnt."""
        return {} if self.mixture is None else {"time_difference_sd_ps": self.mixture.sigma}

    def survey(self, examples: Columns) -> bool:
        """Take singles to learn from; return whether further ones are wanted."""
        return self._survey.add(examples)

    def __call__(self, examples: Columns) -> Columns:
        """Return the pairs; see `coincidences.pairs.Pairs`."""
        if self.mixture is None or self.choice is None:
            self.mixture, self.choice = self._learnt()
        mixture, choice = self.mixture, self.choice
        return with_corrected_times(self.delays, examples, lambda slices: take_pairs(slices, mixture, self.scorer, choice)).columns()


class PairsEngine(LikelihoodEngine):
    """The same with a trained network, which sees besides what pairs share singles with a pair."""

    def __init__(self, config: PetConfig, model: ModelFile | None, device: Any) -> None:
        assert model is not None
        super().__init__(config, model, device)
        if config.model.name != "pairs":
            raise ModelError(f"The weights are of the network {config.model.name!r}, which the engine snn applies, and not pairs: give --engine snn.")
        self.network = with_weights(lambda: build_network(config), model).to(device).eval()

    @property
    def scorer(self) -> Scorer:
        """What turns features into scores."""
        return by_network(self.network)
