"""What the training loop knows of `jets`: preparation, network, losses, validation, the map that makes scores flat."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from ...contract import Adversary, Batch, Learner, Term
from ...errors import ConfigError
from ...io.ragged import Array, Columns, concatenate, length, ragged, take
from .config import JetsConfig
from .constituents.odd_jets import sentences, unlikely_momenta
from .constituents.table import NUMBER, TABLE
from .models.background_shares import of_training, with_fractions
from .models.build import build_network
from .models.class_weights import log_shares, with_shares, without_negative
from .models.inputs import fit_scales, inputs_of, raw_inputs
from .models.jet_weights import drawn, fit_planing, fit_weights, weights_of
from .models.packed_inputs import input_tensors, inputs_in
from .models.particle_ranges import fit_particles
from .models.resonance_masses import (
    between_all,
    fit_masses,
    relative,
    stated_or_true,
    true_masses,
    with_drawn,
    with_masses,
)
from .models.scoring import scored
from .reading.values import values_of

PREPARED_FROM, TREES_FROM = 100_000, 2_000_000
"""Jets to which scales are fitted, and to which trees are."""

IN_TRAINING = ("adversarial", "disco", "mode")
"""Ways of decorrelation that are terms of the loss."""

ALONE, HEAD_START = 0.1, 0.05
"""Shares of the steps in which the network learns the classes alone, and in which the adversary is trained before the network meets it.

A score that means nothing yet can be made independent of the mass with the order of signal and background exchanged, and stay so.
"""


class JetsLearner(Learner):
    """Trains what scores jets; see `contract.Learner`."""

    monitor = "objective"

    def __init__(self, config: JetsConfig) -> None:
        self.config = config
        self.prepared: Mapping[str, Array] = {}
        self.noted: list[str] = []
        names = list(config.data.classes)
        self.background = [names.index(name) for name in config.data.background]
        self.prepare_examples = TREES_FROM if config.model.name == "trees" else PREPARED_FROM

    def prepare(self, examples: Iterable[Columns]) -> dict[str, Array]:
        """Fit scales of inputs, weights of classes, masses for a parametrised network, and trees."""
        config = self.config
        every = concatenate([part for part in examples if length(part)])
        label = np.asarray(every["class"])
        lacking = [name for k, name in enumerate(config.data.classes) if not (label == k).any()]
        if lacking:
            raise ConfigError(f"data.classes: among the first {len(label)} jets of the training there is none of the class {' or '.join(lacking)}.")
        found = fit_scales(raw_inputs(every, config), config.model.inputs) | fit_weights(every, config)
        if config.particle_columns:
            found |= fit_particles(every, config)
            numbers, most = np.asarray(every[NUMBER]), config.model.most_particles
            odd = sentences(int((numbers == 0).sum()), int((numbers > most).sum()), len(numbers), most)
            self.noted = [f"in the first jets of the training, {text}" for text in odd] + unlikely_momenta(every)
        if config.model.name == "score":
            # A score is not cut, nor are its ranges those of a training.
            found.pop("domain")
        background = np.isin(label, self.background)
        if config.model.parametrise:
            found |= fit_masses(every, ~background, weights_of(every, found, config, to_plane=True))
            every = with_masses(every, with_drawn(true_masses(every), found, np.random.default_rng(config.training.seed)))
        found |= fit_planing(every, found, config)
        if config.model.decorrelate == "adversarial":
            from .models.decorrelated import fit_spectrum

            found |= fit_spectrum(values_of(relative(config), every)[background])
        return found | self._trees(every, found) if config.model.name == "trees" else found

    def _trees(self, examples: Columns, found: Mapping[str, Array]) -> dict[str, Array]:
        from .models.boosted_trees import fit_trees

        config = self.config

        def random() -> np.random.Generator:
            return np.random.default_rng(config.training.seed)

        examples, weight = drawn(examples, found, config, random)
        inputs = inputs_of(examples, config, found, self._masses(examples))
        label = np.asarray(examples["class"])
        return fit_trees(inputs, label, without_negative(weight, label), log_shares(found), config)

    def _masses(self, examples: Columns) -> Array | None:
        """Return the resonance masses that a parametrised network takes, of jets that all have one."""
        return true_masses(examples) if self.config.model.parametrise else None

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network."""
        self.prepared = prepared
        return build_network(self.config, prepared)

    def warnings(self, network: nn.Module) -> list[str]:
        """Return what was found odd in the jets that scales were fitted to."""
        return self.noted

    def lengths(self, examples: Columns) -> Array:
        """Return the number of constituents of each jet, if the network takes them, else 1.

        A batch of jets of one size has not the correlations of all jets, on which some losses depend.
        """
        if self.config.particle_columns and self.config.model.decorrelate not in IN_TRAINING:
            return ragged(examples, TABLE).counts
        return np.ones(length(examples), np.int64)

    def collate(self, examples: Columns) -> Batch:
        """Return inputs, classes and weights; jets, where they are sampled, and masses of background are drawn by torch's seed of the step."""
        if self.config.model.parametrise:
            examples = with_masses(examples, with_drawn(true_masses(examples), self.prepared, _of_step()))
        examples, weight = drawn(examples, self.prepared, self.config, _of_step)
        label = np.asarray(examples["class"])
        batch = {**input_tensors(examples, self.config, self.prepared, self._masses(examples)), "class": torch.from_numpy(label.astype(np.int64)),
                 "weight": torch.from_numpy(weight.astype(np.float32))}
        if self.config.model.decorrelate in IN_TRAINING:
            batch["against"] = torch.from_numpy(np.nan_to_num(values_of(relative(self.config), examples)).astype(np.float32))
            batch["background"] = torch.from_numpy(np.isin(label, self.background))
            batch["background_weight"] = torch.from_numpy((weight * of_training(self.prepared, self.config)[label]).astype(np.float32))
        return batch

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return the weighted cross entropy, and what keeps scores from showing the mass."""
        options, weight = self.config.model, batch["weight"]
        inputs, further = inputs_in(batch), dict[str, Term]()
        if options.decorrelate == "adversarial":
            logits, guessed = model(inputs, batch["against"], batch["background"])
            of_background = batch["background_weight"][batch["background"]]
            further["adversary"] = Term((of_background * guessed).sum(), of_background.abs().sum(), options.strength, of_adversary=True)
        else:
            logits = model(inputs)
        if options.decorrelate in ("disco", "mode"):
            from .models.decorrelated import dependence

            further[options.decorrelate] = Term(dependence(logits, batch["against"], batch["background_weight"], batch["background"], self.config), 1, options.strength, alone=self._steps(ALONE))
        shares = torch.from_numpy(log_shares(self.prepared)).to(logits)
        each = cross_entropy(logits + shares, batch["class"], reduction="none")
        return {"class": Term((weight * each).sum(), weight.abs().sum()), **further}

    def adversary(self, network: nn.Module) -> Adversary | None:
        """Return what guesses the mass, if there is such a part."""
        options = self.config.model
        if options.decorrelate != "adversarial":
            return None
        part = network.get_submodule("adversary")
        return Adversary(part, options.adversary_rate, options.adversary_steps, self._steps(ALONE), self._steps(HEAD_START))

    def _steps(self, share: float) -> int:
        return round(share * self.config.training.steps)

    def validate(self, model: nn.Module, examples: Columns, finished: Mapping[str, Array] | None = None) -> dict[str, Term]:
        """Return the mean logarithm of the probability of the true class, and the share of jets whose likeliest class is the true one; jets are weighed as in the training.

        `objective`, by which weights are chosen, is what the network makes large: the first less the strength times what keeps
        scores from showing the mass.
        """
        if self.config.model.parametrise:
            examples = with_masses(examples, stated_or_true(examples, self.config, self.prepared))
        probabilities, ratios = scored(model, examples, self.config, self.prepared, next(model.parameters()).device, self._masses(examples))
        probabilities = with_shares(probabilities, self.prepared)
        label, weight = np.asarray(examples["class"]), weights_of(examples, self.prepared, self.config)
        of_true = np.log(np.maximum(probabilities[np.arange(len(label)), label], 1e-30))
        total, count = float((weight * of_true).sum()), float(np.abs(weight).sum())
        objective = total
        if self.config.model.decorrelate in IN_TRAINING:
            from .models.decorrelated import penalty

            background = np.isin(label, self.background)
            against = np.nan_to_num(values_of(relative(self.config), examples)[background])
            share = weight[background] * of_training(self.prepared, self.config)[label[background]]
            objective -= count * self.config.model.strength * penalty(model, ratios[background], against, share, self.config)
        return {"objective": Term(objective, count), "log_likelihood": Term(total, count),
                "right": Term(float((weight * (probabilities.argmax(1) == label)).sum()), count)}

    def finish(self, model: nn.Module, examples: Columns) -> dict[str, Array]:
        """Fit the map that makes the scores of background flat, if it is asked for."""
        config = self.config
        if not config.model.fits_map:
            return {}
        from .models.flat_scores import coordinates_of, fit_maps

        background = take(examples, np.isin(np.asarray(examples["class"]), self.background))
        masses: list[Array | None] = [None]
        if config.model.parametrise:
            masses = [*between_all(length(background), self.prepared, np.random.default_rng(config.training.seed)).T]
        device = next(model.parameters()).device
        parts = [(scored(model, background, config, self.prepared, device, mass)[1], coordinates_of(background, config, mass)) for mass in masses]
        # All of a jet in a row, so that a fit that holds out jets holds out all of a jet.
        ratios, coordinates = (np.stack(of, 1).reshape(-1, of[0].shape[1]) for of in zip(*parts, strict=True))
        weight = with_fractions(np.asarray(background["weight"]), np.asarray(background["class"]), config)
        return fit_maps(ratios, coordinates, np.repeat(weight, len(masses)), config, len(masses))


def _of_step() -> np.random.Generator:
    return np.random.default_rng(int(torch.randint(2**62, ()).item()))
