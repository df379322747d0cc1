"""What the training loop knows of `lcag`: preparation, network, losses, validation, calibration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import nn

from ...contract import Batch, Learner, Term
from ...io.ragged import Array, Columns, Ragged, concatenate, length, take
from .classical.lookup import fit as fit_lookup
from .classical.lookup import fit_steps
from .classical.mass_engine import kept_lines
from .classical.mass_lines import find_mass_lines
from .config import LcagConfig
from .judging.forest_metrics import compare_forests
from .models.batches import collate
from .models.build import build_network
from .models.calibration import Calibration, before_fit, fit_calibration
from .models.domain import fit_domain
from .models.losses import choose_sets, lcag_losses
from .models.reconstruct import reconstruct
from .models.tree_loss import hold_contest, tree_term
from .output.columns import output_columns, perfect, rows_equal
from .trees.matrix_elements import Elements


class LcagLearner(Learner):
    """Trains a network of `models.NETWORKS`; see `contract.Learner`."""

    prepare_examples = 100_000

    def __init__(self, config: LcagConfig) -> None:
        self.config = config
        # Of large forests none is perfect for long, while single trees already tell weights apart.
        self.monitor = "trees" if config.data.forest else "perfect"

    def prepare(self, examples: Iterable[Columns]) -> dict[str, Array]:
        """Fit the domain of validity, what the lookup and the engines of known masses take, and the scales of extra features."""
        chunk = concatenate(list(examples))
        prepared = fit_domain(chunk)
        prepared.update({f"lookup.{name}": value for name, value in fit_lookup(chunk, fit_steps(chunk)).items()})
        if self.config.data.rules.gap_free:
            prepared.update(kept_lines(find_mass_lines(chunk, self.config.data.rules)))
        if self.config.data.features:
            features = chunk["features"]
            assert isinstance(features, Ragged)
            prepared |= _scales("feature", features.flat)
        if self.config.data.pair_features:
            p4, pairs = chunk["p4"], chunk["pair_features"]
            assert isinstance(p4, Ragged) and isinstance(pairs, Ragged)
            elements = Elements.of(p4.counts)
            prepared |= _scales("pair_feature", pairs.flat[elements.row < elements.column])
        return prepared

    def build(self, prepared: Mapping[str, Array]) -> nn.Module:
        """Return the network, with the scales of extra features in its buffers."""
        return build_network(self.config, prepared)

    def lengths(self, examples: Columns) -> Array:
        """Return the number of leaves."""
        p4 = examples["p4"]
        assert isinstance(p4, Ragged)
        return p4.counts

    def collate(self, examples: Columns) -> Batch:
        """Return padded tensors; the events' weights only if the configuration asks for them."""
        batch = collate(examples)
        if self.config.data.weight is None:
            batch.pop("weight", None)
        return batch

    def losses(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """Return the terms of the loss."""
        options, n = self.config.model, batch["p4"].shape[1]
        targets = contest = None
        if options.clades and n <= options.clade_max_leaves:
            if options.clade_loss_weight > 0:
                targets = choose_sets(batch, options.sampled_sets)
            if options.tree_loss_weight > 0:
                contest = hold_contest(model, batch, self.config.data.rules)
        sets = [t.sets for t in (targets, contest) if t is not None]
        every = not sets or any(s is None for s in sets)
        chosen = None if every else torch.cat([s for s in sets if s is not None], 1)
        output = model(batch["p4"], batch["n_leaves"], batch.get("features"), chosen, batch.get("pair_features"))
        k = 0 if targets is None or targets.sets is None else targets.sets.shape[1]
        terms = lcag_losses(output.part(slice(0, k)) if k else output, batch, targets, options)
        if contest is not None:
            answers = output.of_sets(contest.sets) if every else output.part(slice(k, None))
            terms["tree"] = tree_term(answers, contest, batch, options.tree_loss_weight)
        return terms

    def validate(self, model: nn.Module, examples: Columns, finished: Mapping[str, Array] | None = None) -> dict[str, Term]:
        """Return the share of perfect events, decoded as applying does (`perfect`) and by argmax (`perfect_argmax`).

        For forests also `trees`: of true and decoded trees, the share that is right.
        """
        usable = take(examples, self.lengths(examples) >= 2)
        n = length(usable)
        rules = self.config.data.rules
        calibration = Calibration.stored(finished) if finished else before_fit(self.config.model)
        found = reconstruct(model, usable, self.config.apply, rules, next(model.parameters()).device, calibration)
        background = found.background.flat if found.background is not None else np.zeros(0)
        truth = usable["lcag"]
        assert isinstance(truth, Ragged)
        right_raw = rows_equal(truth.flat, found.lcag_raw.flat, truth.offsets).sum()
        terms = {"perfect": Term(perfect(usable, found.lcag, background).sum(), n), "perfect_argmax": Term(right_raw, n)}
        if rules.forest:
            forests = compare_forests(usable, output_columns(usable, found, rules))
            terms["trees"] = Term(2 * forests.right.sum(), forests.true.sum() + forests.found.sum())
        return terms

    def finish(self, model: nn.Module, examples: Columns) -> dict[str, Array]:
        """Fit what calibrates the probability of the decoded tree."""
        usable = take(examples, self.lengths(examples) >= 2)
        found = fit_calibration(model, usable, self.config.apply, self.config.data.rules, before_fit(self.config.model))
        return {name: np.array(value) for name, value in found._asdict().items()}


def _scales(kind: str, values: Array) -> dict[str, Array]:
    """Return mean and standard deviation of features, (rows, features); 0 and 1 of none."""
    if not len(values):
        values = np.array([[-1.0], [1.0]], dtype=np.float32).repeat(values.shape[1], axis=1)
    return {f"{kind}_mean": values.mean(0), f"{kind}_scale": np.maximum(values.std(0), 1e-6)}
