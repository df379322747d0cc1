"""Options of the training of `jets`: that of all tasks, and how jets are weighed in it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import field_validator, model_validator

from ....config import option
from ....training.config import TrainingConfig
from .expression_options import checked
from .model import COMMA

FLAT = "flat"

OF_REWEIGHT = ("reference", "reweight_by", "largest_factor")


class JetsTrainingConfig(TrainingConfig):
    """How a network is trained, and what jets weigh in it besides their own weights."""

    class_weights: Literal["alike", "given"] | dict[str, float] = option("alike", "What classes weigh: `alike`, all the same; `given`, as in the input; or class -> share, as {qcd: 3, signal: 1}. Scores and probabilities are in each case those of classes that are as frequent.")
    reweight: list[str] = option(list, "One or two expressions, as [jet_mass] or [jet_pt, jet_eta], whose spectrum all classes are given in the training: that of `reference`, as far as all classes have jets there.")
    reference: str = option(FLAT, "Spectrum that `reweight` gives: `flat`, or that of a class.")
    reweight_by: Literal["weight", "sampling"] = option("weight", "Whether `reweight` weighs jets, or leaves some out of each batch, drawn anew every time; trees are fitted to one drawing.")
    largest_factor: float = option(100.0, "Largest factor of `reweight`; the smaller, the more of the tails of the spectrum is left out, and the larger are the batches of sampling.", gt=0)

    @field_validator("reweight", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        return COMMA.split(value) if isinstance(value, str) else value

    @field_validator("reweight")
    @classmethod
    def _expressions(cls, texts: list[str]) -> list[str]:
        if len(texts) > 2 or len(set(texts)) < len(texts):
            raise ValueError("must be one expression, or two different ones")
        for text in texts:
            checked(text)
        return texts

    @model_validator(mode="after")
    def _with_effect(self) -> JetsTrainingConfig:
        idle = self.changed(OF_REWEIGHT)
        if idle and not self.reweight:
            raise ValueError(f"training.{idle[0]} has no effect without training.reweight: name expressions there, or leave it out")
        return self

    def check_classes(self, classes: list[str]) -> None:
        """Refuse a reference or shares that are not of the classes.

        Raises:
            ValueError: says which.
        """
        if self.reference not in (FLAT, *classes):
            raise ValueError(f"training.reference: {self.reference!r} is neither {FLAT} nor one of data.classes ({', '.join(classes)})")
        if isinstance(self.class_weights, dict):
            if set(self.class_weights) != set(classes):
                raise ValueError(f"training.class_weights must have a share for each of data.classes ({', '.join(classes)}), and no others")
            if not min(self.class_weights.values()) > 0:
                raise ValueError("training.class_weights must be above 0")
