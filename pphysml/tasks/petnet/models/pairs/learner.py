"""What the training loop knows of the network of pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from .....contract import Batch, Learner, Term
from .....errors import InputError
from .....io.ragged import Array, Columns, concatenate, length, ragged, slice_rows, take
from .....nn.matching import matching_loss
from .....nn.matching_marginals import matching_marginals
from ...coincidences.candidates import Candidates, candidates
from ...coincidences.pair_choice import best_threshold, chosen
from ...config import PetConfig
from ...likelihood.ends import ends_of
from ...likelihood.mixture import Mixture
from ...likelihood.survey import mixture_of
from ...reading.placement import Placement, placement_of
from ..domain import fit_domain
from .features import PairFeatures, pair_features
from .labels import Labels, labels_of
from .network import PairNetwork
from .network_scorer import by_network

UNSCATTERED_WEIGHT = 0.2
"""Weight of the loss of what tells scattered pairs from others."""

SURVEYS = (1.0, 0.25)
"""Shares of the surveyed slices from which mixtures are learnt, as measurements may be short: slices take turns."""


class PairLearner(Learner):
    """Trains `network.PairNetwork`; see `contract.Learner`.

    Slices may be of several measurements, told by the column `setting`, each with mixtures of its own, one for each of SURVEYS.
    """

    monitor = "f1"

    def __init__(self, config: PetConfig) -> None:
        self.config = config
        self.window = config.data.window
        # Blocks take turns with the settings, and every one is wanted.
        turns = 1 + len(config.simulation.further)
        self.prepare_examples = max(config.model.survey_singles // config.data.slice_singles, turns * config.training.block_size)
        self.mixtures: dict[int, Mixture] = {}
        self.placements: dict[int, Placement] = {}

    def prepare(self, examples: Iterable[Columns]) -> dict[str, Array]:
        """Fit the mixtures of every setting where its scanner stands, and return the domain of validity.

        Applying learns the mixture of its own measurement, so that these are not stored.
        """
        slices = concatenate(list(examples))
        setting = settings_of(slices)
        parts = {number: take(slices, setting == number) for number in np.unique(setting).tolist()}
        for number, part in parts.items():
            for turn, share in enumerate(SURVEYS):
                surveyed = slice_rows(part, 0, int(np.ceil(share * length(part))))
                placement = placement_of(surveyed, self.config.apply.axis, self.config.apply.centre)
                mixture = mixture_of(placement.placed(surveyed), self.window)
                if mixture is None:
                    raise InputError(f"The first {len(ragged(surveyed, 'time').flat)} singles have too few true pairs to learn the activity from: raise model.survey_singles.")
                self.mixtures[number * len(SURVEYS) + turn], self.placements[number * len(SURVEYS) + turn] = mixture, placement
        return fit_domain(list(parts.values()))

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network."""
        return build_network(self.config)

    def lengths(self, examples: Columns) -> Array:
        """Return the number of singles."""
        return ragged(examples, "time").counts

    def collate(self, examples: Columns) -> Batch:
        """Return the candidate pairs of the slices with features and truth."""
        parts = [self._of_mixture(examples, number) for number in np.unique(mixtures_of(examples)).tolist()]
        sizes = np.cumsum([0, *(n for *_, n in parts)])[:-1]
        batch = {
            "features": np.concatenate([f.values for f, *_ in parts]),
            "log_factor": np.concatenate([f.log_factor for f, *_ in parts]).astype(np.float32),
            "prompt": np.concatenate([f.prompt for f, *_ in parts]).astype(np.float32),
            "unscattered_share": np.concatenate([f.unscattered for f, *_ in parts]).astype(np.float32),
            "first": np.concatenate([p.first + size for (_, p, *_), size in zip(parts, sizes, strict=True)]),
            "second": np.concatenate([p.second + size for (_, p, *_), size in zip(parts, sizes, strict=True)]),
            **{name: np.concatenate([getattr(labels, name) for _, _, labels, _ in parts]) for name in Labels._fields},
            "n_singles": np.array(sum(n for *_, n in parts)),
        }
        return {name: torch.from_numpy(np.asarray(value)) for name, value in batch.items()}

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return minus the logarithm of the true matchings' probability, and the cross entropy of scattering, per pair."""
        n = int(batch["n_singles"])
        score, unscattered = model(batch["features"], batch["log_factor"], batch["unscattered_share"], batch["prompt"], batch["first"], batch["second"], n)
        same = batch["same_event"]
        scattering = binary_cross_entropy_with_logits(unscattered[same], batch["unscattered"][same].float(), reduction="sum")
        return {
            "matching": Term(matching_loss(score, n, batch["first"], batch["second"], batch["true"]), max(1, int(batch["true"].sum()))),
            "scattering": Term(scattering, max(1, int(same.sum())), UNSCATTERED_WEIGHT),
        }

    def validate(self, model: nn.Module, examples: Columns, finished: Mapping[str, Array] | None = None) -> dict[str, Term]:
        """Return the F1 of pairs, that of the likelihood alone, and the share of true pairs that are found."""
        assert isinstance(model, PairNetwork)
        score, unscattered = by_network(model), self.config.apply.target == "unscattered"
        tallies = np.zeros((2, 3))
        for number in np.unique(mixtures_of(examples)).tolist():
            features, pairs, labels, n = self._of_mixture(examples, number)
            scores = score(features, pairs, n), (features.log_factor, features.unscattered)
            wanted = labels.true & labels.unscattered if unscattered else labels.true
            for row, (values, share) in enumerate(scores):
                probability = matching_marginals(n, pairs.first, pairs.second, values)[0]
                taken = self._taken(probability * share if unscattered else probability, pairs)
                tallies[row] += (wanted & taken).sum(), taken.sum(), wanted.sum()
        (right, taken_, true), (right_plain, taken_plain, _) = tallies
        return {"f1": Term(2 * right, taken_ + true), "f1_likelihood": Term(2 * right_plain, taken_plain + true),
                "recall": Term(right, true)}

    def _taken(self, probability: Array, pairs: Candidates) -> Array:
        least = self.config.apply.min_score
        return chosen(pairs.first, pairs.second, probability, best_threshold(probability) if least is None else least)

    def _of_mixture(self, examples: Columns, number: int) -> tuple[PairFeatures, Candidates, Labels, int]:
        slices = take(examples, mixtures_of(examples) == number)
        pairs = candidates(slices, self.window)
        n = len(ragged(slices, "time").flat)
        ends = ends_of(self.placements[number].placed(slices), pairs)
        features = pair_features(pairs, ends, self.mixtures[number], n, len(pairs.dt))
        return features, pairs, labels_of(slices, pairs, self.config), n


def settings_of(examples: Columns) -> Array:
    """Return the number of the measurement that each slice is of."""
    setting = examples.get("setting")
    return np.zeros(len(np.asarray(examples["n_owned"])), dtype=np.int64) if setting is None else np.asarray(setting)


def mixtures_of(examples: Columns) -> Array:
    """Return the number of the mixture by which each slice is told."""
    found: Array = settings_of(examples) * len(SURVEYS) + np.asarray(examples["slice"]) % len(SURVEYS)
    return found


def build_network(config: PetConfig) -> PairNetwork:
    """Return the configured network before its training."""
    return PairNetwork(config.model.width, config.model.rounds)
