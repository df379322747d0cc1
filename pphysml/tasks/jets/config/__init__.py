"""Options of the task `jets`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, ClassVar

from pydantic import field_validator, model_validator

from ....config import Config, option, put_on
from ....io.expressions import Expression
from ....io.schema import FILES, Field, Further
from ....training.config import Folds, InputConfig, TaskConfig
from ..schema import KNOWN
from .expression_options import checked
from .model import ModelConfig
from .simulation import SimulationConfig
from .training import JetsTrainingConfig

CLASSES = {"background": "jet_label == 0", "signal": "jet_label == 1"}


class DataConfig(InputConfig):
    """What jets are read, and of which classes they are."""

    changeable: ClassVar[tuple[str, ...]] = ("map", "collection", "weight", "selection", "labels")

    collection: str | None = option(None, "How the names of the jets' branches begin, where they are called otherwise than in the layouts, as ScoutingFatJet_; see --collection.")
    classes: dict[str, str] = option(lambda: CLASSES, "Class -> expression that is true for its jets: at most one for each jet; those of none are neither trained on nor judged.")
    labels: dict[str, str] = option(dict, "In the place of `classes`: class -> name of the files whose jets are of it, as {qcd: qcd*.root, signal: zprime*.root}. See --label.")
    background: list[str] = option(list, "Classes that are background; every other one is a signal, with a score against them. By default the first class.")
    fractions: dict[str, float] = option(dict, "Class of background -> its share in the data, as {c: 0.07, light: 0.93}; of one that is not named, 1: for the score against several backgrounds, and for all that is made flat or judged, where none are stated as the weights of the files have it.")
    variables: dict[str, str] = option(dict, "New variables, as {tau21: jet_tau2 / jet_tau1}, which expressions may take.")
    selection: str | None = option(None, "Expression that is true for the jets that are trained on and judged; all get scores.")
    weight: str | None = option(None, "Expression of the weight of each jet in training and judging, as `EventInfoAuxDyn.mcEventWeights[0]`; by default `weight` or `genWeight`, where the file has it.")

    weaver_config: str | None = option(None, "Data configuration of weaver-core, whose classes, selection, inputs and weights are taken where no others are given; read once, null from then on. See --weaver-config.")
    folds: int | None = option(None, "Number of parts of the events, by their ids (file name and entry, where files have none), of which one is left out of the training; see --fold.", ge=2)
    fold: int = option(0, "Which of these is left out, from 0.", ge=0)

    @field_validator("labels", mode="before")
    @classmethod
    def _given_labels(cls, value: Any) -> Any:
        """Read CLASS=FILES,CLASS=FILES, as --label has it."""
        if not isinstance(value, str):
            return value
        pairs = [item.partition("=") for item in value.split(",")]
        if any(not name or not equals or not files for name, equals, files in pairs):
            raise ValueError("must be CLASS=FILES, several with commas between them")
        return {name: files for name, _, files in pairs}

    @field_validator("background", mode="before")
    @classmethod
    def _given_background(cls, value: Any) -> Any:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("classes", "variables")
    @classmethod
    def _expressions(cls, texts: dict[str, str]) -> dict[str, str]:
        for name, text in texts.items():
            if not name.isidentifier():
                raise ValueError(f"{name!r} must be a word of letters, digits and _, as branches are named after it")
            checked(text)
        return texts

    @field_validator("selection", "weight")
    @classmethod
    def _expression(cls, text: str | None) -> str | None:
        if text is not None:
            checked(text)
        return text

    @model_validator(mode="after")
    def _two_kinds(self) -> DataConfig:
        if self.labels:
            self.classes = {name: f"'{FILES}{files}'" for name, files in self.labels.items()}
        self.background = self.background or [next(iter(self.classes), "")]
        unknown = [name for name in self.background if name not in self.classes]
        if unknown:
            raise ValueError(f"data.background: {unknown[0]!r} is none of data.classes ({', '.join(self.classes)})")
        if unknown := [name for name in self.fractions if name not in self.background]:
            raise ValueError(f"data.fractions: {unknown[0]!r} is none of data.background")
        if self.fractions and not (min(self.fractions.values()) >= 0 and max(self.shares) > 0):
            raise ValueError("data.fractions must not be negative, and one must be above 0")
        if self.fold and self.folds is None:
            raise ValueError("data.fold has no effect without data.folds, the number of folds")
        if self.folds is not None and self.fold >= self.folds:
            raise ValueError(f"data.fold must be below data.folds, {self.folds}")
        if not self.background or not self.signals:
            raise ValueError("data.classes must have at least one class of background and one of signal")
        return self

    @property
    def shares(self) -> list[float]:
        """The shares of the classes of background in the data."""
        return [self.fractions.get(name, 1.0) for name in self.background]

    @property
    def signals(self) -> list[str]:
        """The classes that are no background."""
        return [name for name in self.classes if name not in self.background]

    def extra_branches(self) -> dict[str, Further]:
        """Return the branches that classes, variables, selection and weight take besides the layout's columns."""
        truth = _branches(self.classes.values(), self.variables, truth=True)
        weights = _branches([self.weight] if self.weight else [], self.variables, weight=True)
        return {**truth, **weights, **_branches([*self.variables.values(), *([self.selection] if self.selection else [])], self.variables)}


class ApplyConfig(Config):
    """How scores are made."""

    batch_size: int = option(65_536, "Jets per forward pass.", ge=1)
    score: str | None = option(None, "An existing score, as an expression, which the engine `branch:EXPRESSION` takes; larger for signal.")
    working_points: str | None = option(None, "YAML file of working points, as `evaluate` writes it: the output says which jets pass. See --working-points.")
    efficiencies: list[float] = option(lambda: [0.3, 0.5, 0.7, 0.9], "Signal efficiencies of the working points that `evaluate` writes.")
    bins: list[float] = option(list, "Edges of bins of `binned_in` in which these have a threshold each, so that the efficiency is the same in all.")
    binned_in: str = option("jet_pt", "Expression of these bins.", "GeV")
    expected_signal: float = option(1500.0, "Signal jets in the data for which `evaluate` gives expected significances.", ge=0)
    expected_background: float = option(200_000.0, "Background jets in these data, before any cut.", gt=0)
    resonance_mass: float | None = option(None, "Resonance mass that is searched for, of a parametrised network; null in evaluating takes that of each signal jet, and for background one drawn from these. See --resonance-mass.", "GeV", gt=0)

    simulation: list[str] = option(list, "Files of simulation that `evaluate` sets beside the input, which is data then. See --simulation.")
    normalise: bool = option(True, "Whether the sum of weights of `simulation` is scaled to that of the data.")
    scale: float = option(0.0, "Relative change of the momenta and masses of jets, up and down, under which `evaluate` gives rejection and significance too; 0: none.", ge=0, lt=1)
    mass_scale: float = option(0.0, "The same of masses alone, at the same momenta.", ge=0, lt=1)
    smear: float = option(0.0, "The same with momenta and masses of each jet times a Gaussian factor of mean 1 and this width, which is that of the jet in every reading.", ge=0, lt=1)
    left_out_alone: bool = option(False, "Judge only events of the fold that the training left out. See --fold.")
    other_folds: list[str] = option(list, "Weights of all other folds: each event gets the scores of the model that has not seen it. See --other-folds.")

    @field_validator("bins", "other_folds", "simulation", mode="before")
    @classmethod
    def _given_bins(cls, value: Any) -> Any:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("binned_in")
    @classmethod
    def _bins_of(cls, text: str) -> str:
        return checked(text)

    @model_validator(mode="after")
    def _rising(self) -> ApplyConfig:
        if any(low >= high for low, high in pairwise(self.bins)) or len(self.bins) == 1:
            raise ValueError("apply.bins must be two or more edges that rise")
        if any(not 0 < efficiency < 1 for efficiency in self.efficiencies):
            raise ValueError("apply.efficiencies must be between 0 and 1")
        return self

    @model_validator(mode="after")
    def _compared(self) -> ApplyConfig:
        if not self.normalise and not self.simulation:
            raise ValueError("apply.normalise has no effect without apply.simulation (--simulation)")
        if self.simulation and (self.scale or self.mass_scale or self.smear):
            raise ValueError("apply.scale, apply.mass_scale and apply.smear have no effect with apply.simulation (--simulation): nothing is judged")
        return self

    @field_validator("score")
    @classmethod
    def _expression(cls, text: str | None) -> str | None:
        if text is not None:
            checked(text)
        return text


class JetsConfig(TaskConfig):
    """All options of the task `jets`."""

    simulation: SimulationConfig = option(SimulationConfig, "Simulated data.")
    data: DataConfig = option(DataConfig, "Input.")
    model: ModelConfig = option(ModelConfig, "Network.")
    training: JetsTrainingConfig = option(JetsTrainingConfig, "Training.")
    apply: ApplyConfig = option(ApplyConfig, "Applying.")

    @property
    def event_ids(self) -> tuple[str, ...]:
        """Columns that together name an event."""
        return ("run", "lumi", "event")

    @property
    def folds(self) -> Folds | None:
        """The folds of events."""
        data, apply = self.data, self.apply
        if data.folds is None:
            return None
        return Folds(data.folds, data.fold, tuple(range(data.folds)) if apply.other_folds else (data.fold,), apply.left_out_alone)

    @property
    def names(self) -> set[str]:
        """All names that expressions take, but those over constituents for the network."""
        return {name for text in self._texts for name in Expression.parse(text).names}

    @property
    def names_of_jets(self) -> set[str]:
        """Those of which a jet, or its event, must have one value each."""
        return {name for text in self._texts for name in Expression.parse(text).row_names}

    @property
    def _texts(self) -> tuple[str, ...]:
        data, model = self.data, self.model
        return (*data.variables.values(), *data.classes.values(), *filter(None, (data.selection, data.weight, self.apply.score)), *model.inputs, *model.against, *self.training.reweight, self.apply.binned_in)

    @property
    def particle_columns(self) -> list[str]:
        """What is read of constituents for the network, besides what expressions take."""
        return self.model.particle_columns if self.apply.score is None else []

    @property
    def particle_expressions(self) -> list[str]:
        """The expressions over constituents that the network takes."""
        return self.model.particle_expressions if self.apply.score is None else []

    @property
    def particle_names(self) -> set[str]:
        """All names that these take."""
        return {name for text in self.particle_expressions for name in Expression.parse(text).names}

    def extra_branches(self, training: bool = False) -> dict[str, Further]:
        """Return the branches that the network takes besides those of the section `data`."""
        model = _branches([*self.model.inputs, *self.particle_expressions, *self.model.against] if self.apply.score is None else [self.apply.score, *self.model.against], self.data.variables)
        return {**super().extra_branches(training), **model, **(_branches(self.training.reweight, self.data.variables) if training else {})}

    @model_validator(mode="before")
    @classmethod
    def _of_weaver(cls, values: Any) -> Any:
        """Take what a configuration of weaver-core says where nothing else is given."""
        data = values.get("data") if isinstance(values, dict) else None
        path = data.get("weaver_config") if isinstance(data, dict) else None
        if not isinstance(path, str):
            return values
        from .weaver import weaver_options

        options = weaver_options(path)
        put_on(options, values)
        options["data"]["weaver_config"] = None
        return options

    @model_validator(mode="after")
    def _consistent(self) -> JetsConfig:
        if self.model.name == "score" and len(self.model.inputs) != 1:
            raise ValueError("model.name=score needs one expression in model.inputs, the score")
        if self.model.name == "score" and len(self.data.signals) > 1:
            raise ValueError(f"model.name=score is the score of one signal, and data.classes has {', '.join(self.data.signals)}: name more of them in data.background")
        if self.model.name in ("trees", "score") and self.model.decorrelate in ("adversarial", "disco", "mode"):
            raise ValueError(f"model.decorrelate={self.model.decorrelate} trains a network with another loss, which {self.model.name} has not: take quantile or planing")
        if self.apply.resonance_mass is not None and not self.model.parametrise:
            raise ValueError("apply.resonance_mass (--resonance-mass) is of a network that takes it, with model.parametrise: leave it out")
        self.training.check_classes(list(self.data.classes))
        self._check_planing()
        self._check_folds()
        return self

    def _check_folds(self) -> None:
        folds, apply = self.data.folds, self.apply
        if folds is None and (apply.left_out_alone or apply.other_folds):
            raise ValueError("apply.left_out_alone and apply.other_folds (--fold, --other-folds) are of a model that was trained with data.folds")
        if folds is not None and apply.other_folds and len(apply.other_folds) != folds - 1:
            raise ValueError(f"apply.other_folds must name the models of the {folds - 1} folds besides that of data.fold={self.data.fold}")
        if apply.left_out_alone and apply.other_folds:
            raise ValueError("apply.left_out_alone has no effect where the models of all folds are given: each event is judged by one that has not seen it")

    def _check_planing(self) -> None:
        model, training = self.model, self.training
        same = training.reweight == model.against[:2] and training.reference == self.data.signals[0]
        if model.decorrelate == "planing" and same:
            raise ValueError("training.reweight has no effect: model.decorrelate=planing gives all classes this spectrum")
        if model.decorrelate == "planing" and len(model.against) > 2:
            raise ValueError(f"model.decorrelate=planing takes at most two of model.against, which has {', '.join(model.against)}")


def _branches(texts: Iterable[str], variables: dict[str, str], truth: bool = False, weight: bool = False) -> dict[str, Further]:
    """Return a field, of what the file has, for every name of expressions that is neither a column of the layouts nor a new variable."""
    names = dict.fromkeys(name for text in texts for name in Expression.parse(text).names)
    missing = None if truth or weight else math.nan  # what is not known of a jet stands for itself
    return {name: Field(name, "any", "", "Branch of an expression.", truth=truth, weight=weight, missing=missing) for name in names if name not in KNOWN and name not in variables}
