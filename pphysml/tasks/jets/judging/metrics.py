"""How good the scores of jets are: separation, flatness in the mass, significance, probabilities."""

from __future__ import annotations

import numpy as np

from ....evaluation.class_calibration import (
    Calibration,
    brier_skill,
    calibration_of_classes,
)
from ....evaluation.class_separation import pairwise_auc
from ....evaluation.classifier_tables import (
    Row,
    pair_rows,
    sculpting_rows,
    significance_rows,
)
from ....evaluation.counting_significance import FAVOURS_PLAIN
from ....evaluation.drawing import Drawings, drawn
from ....evaluation.result import Evaluation, Metric
from ....io.ragged import Array, Columns, length
from ..config import JetsConfig
from ..models.background_shares import with_fractions
from ..reading.variations import unvaried
from .jets_seen import JetsSeen
from .jets_shown import JetsShown
from .separation import Separation, mass_rows, metrics_of, separate
from .spectra import spectra
from .systematics import systematic_rows, variation_names, without_effect
from .working_point_files import files_of

SMALL = 1000
"""Background jets below which hardly anything can be said."""

SIGNIFICANCE = "Significance of a fit of the mass"


class JetsEvaluator:
    """Accumulates jets of known class, or without truth; see `contract.Evaluator`."""

    def __init__(self, config: JetsConfig) -> None:
        self.config = config
        self.parts: list[JetsSeen] = []
        self.without_truth: list[JetsShown] = []
        self.unvaried: dict[str, None] = {}

    def update(self, examples: Columns, predictions: Columns) -> None:
        """Add jets."""
        if length(examples) and "class_known" not in examples:
            self.without_truth.append(JetsShown.of(examples, predictions, self.config))
        elif length(examples):
            self.parts.append(JetsSeen.of(examples, predictions, self.config))
            self.unvaried |= dict.fromkeys(unvaried(examples, self.config))

    def result(self) -> Evaluation:
        """Return metrics with errors, tables, figures, and working points as files."""
        if self.without_truth:
            return spectra(self.without_truth, self.config)
        parts = [part for part in self.parts if len(part)]
        if not parts:
            return Evaluation(notes=["There is no jet of any class of data.classes that is selected."])
        jets, config = JetsSeen.joined(parts), self.config
        signals = config.data.signals
        found = [one for signal in signals for kind in ("disc", "flat") if f"{kind}_{signal}" in jets.columns
                 for one in [separate(jets, config, f"{kind}_{signal}", signal)] if one is not None]
        probabilities = _probabilities(jets, config)
        calibrations = {} if probabilities is None else calibration_of_classes(probabilities, jets.label, list(config.data.classes), weights=_even(jets, config))
        result = Evaluation(notes=_notes(jets, config))
        if variation_names(jets) and self.unvaried:
            result.notes.append(f"Under variations of the jets {', '.join(self.unvaried)} {'stay' if len(self.unvaried) > 1 else 'stays'} as in the file: "
                                "only columns of jets and constituents, and branches that are other names of their momenta and masses, change.")
        result.metrics += [metric for one in found for metric in metrics_of(one, config, alone=len(signals) == 1)]
        if probabilities is not None:
            result.metrics += _probability_metrics(jets, config, probabilities, calibrations)
        result.tables |= {title: rows for title, rows in _tables(found, jets, config, probabilities).items() if rows}
        result.notes += dict.fromkeys(note for one in found for note in one.notes)
        result.notes += [FAVOURS_PLAIN] if SIGNIFICANCE in result.tables else []
        for signal in signals:
            score = f"flat_{signal}" if f"flat_{signal}" in jets.columns else f"disc_{signal}"
            files, why_not = files_of(jets, config, score, signal) if score in jets.columns else ({}, "")
            result.files |= files
            result.notes += [why_not] if why_not else []
        result.figures |= drawn(lambda: _drawings(found, calibrations, config))
        return result


def _drawings(found: list[Separation], calibrations: dict[str, Calibration], config: JetsConfig) -> Drawings:
    from .plots import drawings

    return drawings(found, calibrations, config)


def _tables(found: list[Separation], jets: JetsSeen, config: JetsConfig, probabilities: Array | None) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {f"Sculpting of background where half of the signal passes, {one.score}": sculpting_rows(one.flatness, one.corrected) for one in found}
    tables[SIGNIFICANCE] = significance_rows({one.score: one.fits for one in found})
    if variation_names(jets):
        tables["Variations of the jets, at the nominal working points"] = [row for one in found for row in systematic_rows(one, config)]
    tables["Resonance masses"] = [row for one in found for row in mass_rows(one)]
    names = list(config.data.classes)
    if probabilities is not None and len(names) > 2 and len(np.unique(jets.label)) > 1:
        tables["Pairs of classes"] = pair_rows(pairwise_auc(probabilities, jets.label, names, jets.weight, jets.event)[0])
    return tables


def _notes(jets: JetsSeen, config: JetsConfig) -> list[str]:
    counts = {name: int((jets.label == k).sum()) for k, name in enumerate(config.data.classes)}
    notes = [f"Jets that are judged: {', '.join(f'{n} of {name}' for name, n in counts.items())}."]
    notes += [f"No jet is of the class {name}, which is {config.data.classes[name]}." for name, n in counts.items() if not n]
    notes += [f"The weights of {name} sum to {total:.4g}, and must sum to something above zero: it is not judged." for name, total in zip(counts, _sums(jets, config), strict=True) if counts[name] and total <= 0]
    notes += _shares(jets, config, counts)
    background = sum(counts[name] for name in config.data.background)
    if background < SMALL:
        notes.append(f"There are {background} background jets: too few to judge a score by.")
    for name in without_effect(jets):
        notes.append(f"The variation {name} changes neither scores nor {config.model.against[0]}: it is one of momenta and masses of jets and constituents, of which nothing is made here.")
    if (jets.weight < 0).any():
        notes.append(f"{(jets.weight < 0).mean():.1%} of the jets have a negative weight; they are counted with it.")
    return notes


def _shares(jets: JetsSeen, config: JetsConfig, counts: dict[str, int]) -> list[str]:
    """Return of what classes background is, where there are several."""
    names, several = list(config.data.classes), config.data.background
    if len(several) < 2:
        return []
    sums = np.bincount(jets.label, with_fractions(jets.weight, jets.label, config), len(names))[[names.index(name) for name in several]]
    if not sums.sum() > 0:
        return ["Background has no jets of the classes to which data.fractions gives a share."] if config.data.fractions else []
    listed = ", ".join(f"{name} {share:.3g}" for name, share in zip(several, sums / sums.sum(), strict=True))
    notes = [f"Background is judged with these shares, {'of data.fractions' if config.data.fractions else 'by the weights of the files'}: {listed}."]
    lacking = [name for name, share in config.data.fractions.items() if share > 0 and not counts[name]]
    return notes + [f"data.fractions has {name}, of which there is no jet: it is left out of the background." for name in lacking]


def _probabilities(jets: JetsSeen, config: JetsConfig) -> Array | None:
    """Return the probabilities of all classes, (n, classes), where an engine gives them and every class has jets of positive weight."""
    names = [f"prob_{name}" for name in config.data.classes]
    if any(name not in jets.columns for name in names) or not (_sums(jets, config) > 0).all():
        return None
    return np.stack([jets.columns[name] for name in names], 1)


def _sums(jets: JetsSeen, config: JetsConfig) -> Array:
    return np.bincount(jets.label, jets.weight, len(config.data.classes))


def _even(jets: JetsSeen, config: JetsConfig) -> Array:
    """Return weights by which all classes are as frequent, as those that probabilities are of, with the mean 1."""
    sums = _sums(jets, config)
    weights: Array = jets.weight / sums[jets.label] * len(jets) / len(sums)
    return weights


def _probability_metrics(jets: JetsSeen, config: JetsConfig, probabilities: Array, calibrations: dict[str, Calibration]) -> list[Metric]:
    """Return how well probabilities are calibrated, all classes being as frequent."""
    n = len(jets)
    metrics = [Metric("Brier skill", *brier_skill(probabilities, jets.label, _even(jets, config), jets.event), n,
                      "1 less the Brier score of the probabilities over that of equal shares, classes being as frequent; 1: always right, 0: no better than the shares.")]
    for name in calibrations if len(calibrations) > 2 else config.data.signals:
        metrics.append(Metric(f"ECE of {name}", *calibrations[name].error, n, f"Expected calibration error of the probability of {name}, in bins of equal numbers, classes being as frequent; 0: probabilities are shares."))
    return metrics
