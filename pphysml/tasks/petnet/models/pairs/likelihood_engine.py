"""The engine `likelihood`, which needs no weights, and no torch."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from .....contract import Engine
from .....errors import InputError
from .....io.ragged import Columns, concatenate, length, ragged, slice_rows
from .....model_file import ModelFile
from ...classical.sorter import sort_pairs
from ...coincidences.pairs import Pairs, all_joined, with_all_listed
from ...config import PetConfig
from ...config.engines import ClassicalConfig
from ...delays.correction import Delays, with_corrected_times
from ...delays.survey import corrected_by_others, measured
from ...likelihood.expected_pairs import ExpectedPairs
from ...likelihood.mixture import Mixture
from ...likelihood.randoms import expected_randoms
from ...likelihood.states import States
from ...likelihood.survey import mixture_of
from ...reading.first_singles import LOOKED_AT, own_singles
from ...reading.placement import Placement, PlacementSurvey
from ...scanner.crystals import IDS
from ...scanner.scanner import load_scanner
from .scoring import Choice, Scorer, best_min_score, by_likelihood, take_pairs

ONE_BY_ONE = ClassicalConfig(policy="takeClosestOfGoods")
"""How pairs are taken of which too little can be learnt."""

WIDTHS = 5.0
"""Standard deviations of the time difference that a window should hold."""

ENOUGH = 3.0
"""And those below which it loses pairs that count."""


class Learnt(NamedTuple):
    """What was learnt of one state of a measurement, and which pairs are taken; no mixture where there is too little to learn from."""

    mixture: Mixture | None
    choice: Choice


class LikelihoodEngine(Engine):
    """Learns from the data how likely pairs are, see `likelihood.mixture`, and takes them one to one.

    All singles are surveyed, and each state of the measurement is learnt by itself; see `likelihood.states`.

    Attributes:
        learnt: of each state, once the singles are surveyed.
        delays: of the crystals, then; None if they are not calibrated.
        placement: where the scanner stands.
    """

    def __init__(self, config: PetConfig, model: ModelFile | None, device: Any) -> None:
        self.config = config
        self.learnt: list[Learnt] = []
        self.delays: Delays | None = None
        self.states = States(config.reach, config.apply.survey_singles, config.apply.most_states, config.apply.axis, config.apply.centre)
        self._names = LOOKED_AT if not config.apply.calibrate_delays else (*LOOKED_AT, *IDS)
        self._check = ExpectedPairs()
        self.placement = Placement()
        self._placement = PlacementSurvey(config.apply.axis, config.apply.centre)

    @property
    def warnings(self) -> list[str]:
        """Options that have no effect, what was calibrated, what was learnt apart, and whether the window is too short for it."""
        ignored = ["the options of apply.classical, such as --policy, have no effect on this engine"] if self.config.apply.classical != ClassicalConfig() else []
        calibrated = [self.delays.sentence(self.config.data.max_delay, self.config.window)] if self.delays else []
        return ignored + calibrated + self.states.sentences + self._too_few() + self._short_window() + self._check.sentences

    def _too_few(self) -> list[str]:
        n = sum(of.mixture is None for of in self.learnt)
        if not n:
            return []
        part = "of the singles" if n == len(self.learnt) else f"of {n} of {len(self.learnt)} states"
        return [f"there are too few true pairs to learn from, and the pairs {part} were taken as by the engine classical with the policy "
                f"{ONE_BY_ONE.policy}: a window of {self.config.window:g} ps, without a score"]

    def _short_window(self) -> list[str]:
        sigma, window = max((of.mixture.sigma for of in self.learnt if of.mixture is not None), default=0.0), self.config.window
        if window >= ENOUGH * sigma:
            return []
        return [f"times of pairs differ by {sigma:.0f} ps (standard deviation) from what their places tell, so that a window of {window:g} ps loses pairs; "
                f"take --window {10 * round(WIDTHS * sigma / 10):g}ps"
                + ("" if self.delays else ", or, if crystals have fixed delays, --set apply.calibrate_delays=true with data.max_delay")]

    @property
    def scorer(self) -> Scorer:
        """What turns features into scores."""
        return by_likelihood

    def learn(self) -> None:
        """Learn from the singles that were surveyed.

        Raises:
            InputError: there is no single.
        """
        self.states.finish()
        samples = self.states.samples()
        if not samples:
            raise InputError("There is no single in the energy window, from which the engine could learn the activity.")
        if self.config.apply.calibrate_delays:
            samples = self._calibrated(samples)
        self.placement = self._placement.placement()
        self.learnt = [self._of(self.placement.placed(sample)) for sample in samples]

    def _of(self, sample: Columns) -> Learnt:
        options = self.config.apply
        choice = Choice(self.config.window, options.offset, unscattered=options.target == "unscattered", listed=options.candidates)
        mixture = mixture_of(sample, self.config.window)
        if mixture is None:
            return Learnt(None, choice)
        least = best_min_score(sample, mixture, self.scorer, choice) if options.min_score is None else options.min_score
        return Learnt(mixture, choice._replace(min_score=least))

    def _calibrated(self, samples: list[Columns]) -> list[Columns]:
        """Measure the delays of crystals in slices, and return these with corrected times."""
        scanner = None if self.config.scanner is None else load_scanner(self.config.scanner)
        examples, ends = concatenate(samples), np.cumsum([length(sample) for sample in samples])
        stands = self.config.apply.axis, self.config.apply.centre
        self.delays = measured(examples, scanner, self.config.reach, *stands)
        corrected = corrected_by_others(examples, scanner, self.config.reach, self.delays, *stands)
        return [slice_rows(corrected, int(end) - length(sample), int(end)) for sample, end in zip(samples, ends, strict=True)]

    @property
    def surveys(self) -> bool:
        """It learns from the data."""
        return True

    def facts(self) -> dict[str, Any]:
        """Return where the scanner stands, the standard deviation of the time difference, ps, and how many states were learnt, once they are."""
        sigmas = [of.mixture.sigma for of in self.learnt if of.mixture is not None]
        stands = {"scanner": str(self.placement)} if self.learnt and self.placement.radius else {}
        return {**stands, **({"time_difference_sd_ps": max(sigmas)} if sigmas else {}), **({"states": len(self.learnt)} if len(self.learnt) > 1 else {})}

    def survey(self, examples: Columns) -> bool:
        """Take singles to learn from; all are wanted."""
        own = own_singles(examples)
        self._placement.add(own)
        self.states.add({name: own[name] for name in self._names if name in own})
        return True

    def __call__(self, examples: Columns) -> Columns:
        """Return the pairs; see `coincidences.pairs.Pairs`."""
        if not self.learnt:
            self.learn()
        return with_corrected_times(self.delays, examples, lambda slices: self._pairs(self.placement.placed(slices))).columns()

    def _pairs(self, examples: Columns) -> Pairs:
        """Return the pairs of slices, each by what was learnt of its state."""
        state = self.states.of(examples)
        starts = np.append(np.flatnonzero(np.diff(state, prepend=-1)), len(state))
        offsets = ragged(examples, "time").offsets
        parts = [self._of_state(slice_rows(examples, begin, end), self.learnt[state[begin]]).later(int(offsets[begin]))
                 for begin, end in itertools.pairwise(starts.tolist())]
        return all_joined(parts)

    def _of_state(self, examples: Columns, learnt: Learnt) -> Pairs:
        if learnt.mixture is None:
            sorted_ones = sort_pairs(examples, ONE_BY_ONE, self.config.window, self.config.apply.offset, None)
            return sorted_ones if learnt.choice.listed is None else with_all_listed(sorted_ones)
        found = take_pairs(examples, learnt.mixture, self.scorer, learnt.choice)
        self._check.add(examples, found.expected, found.prompt, expected_randoms(examples, self.config.window))
        return found.pairs
