"""Options of the engines without weights."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ....config import Config, option
from ....io.units import with_unit

Mass = Annotated[float, BeforeValidator(lambda value: with_unit(value, "GeV")), Field(gt=0)]
"""A number of GeV, or text with another unit, such as "1864.84 MeV"."""


class MasslineConfig(Config):
    """The classical engine that looks for sets of leaves on known masses."""

    masses: list[Mass] = option(list, "Known masses of nodes below the root, with units as in [1864.84 MeV]; empty takes those of the model's training examples; where these do not fit, evaluating takes those of a part of the input.", "GeV")
    root_mass: Mass | None = option(None, "Known mass of the root; null takes it from where the other masses come from.", "GeV")
    width: float | None = option(None, "Resolution of a leaf's momentum, relative; null takes what was found with the masses, else 0.001.", "", gt=0)
    floor: float = option(1e-4, "Smallest resolution of a mass.", "GeV", gt=0)
    background: float = option(0.1, "Prior probability of a leaf to belong to no tree; for data.forest only.", "", gt=0, lt=1)
    at_rest: bool = option(False, "The decaying particles are at rest; for data.forest only.")
    outliers: float = option(0.0, "Probability that a node's mass is not what it should be, for wrong hypotheses of leaves.", "", ge=0, lt=1)
    max_leaves: int = option(64, "Largest event: larger ones, for which there are more than 7.6 million sets of up to five leaves to be tried again and again, are refused.", ge=2)
    node: float = option(0.0, "Added to the score of every node: above 0 favours trees of many nodes.")

    @model_validator(mode="before")
    @classmethod
    def _older(cls, values: Any) -> Any:
        return without_default_width(values, 1e-3)


class CombinerConfig(Config):
    """The classical engine that merges combinations on known masses, best first; for data.forest only."""

    masses: list[Mass] = option(list, "Known masses of nodes below the root; empty as for the engine `massline`.", "GeV")
    root_mass: Mass | None = option(None, "Known mass of the root; null takes it from where the other masses come from.", "GeV")
    width: float | None = option(None, "Resolution of a leaf's momentum, relative; null takes what was found with the masses, else 0.015.", "", gt=0)
    floor: float = option(1e-3, "Smallest resolution of a mass.", "GeV", gt=0)
    window: float = option(2.0, "Largest distance from a known mass, in resolutions.", "", gt=0)
    max_angle: float = option(180.0, "Largest angle between a child and its parent; 180 cuts nothing.", "degrees", gt=0, le=180)
    order: Literal["chi2", "score", "leaves", "mass"] = option("score", "What is merged first: the best chi2 or likelihood ratio, the fewest leaves or the smallest known mass (of equals, the best likelihood ratio).")
    max_children: int = option(5, "Most children of a node.", ge=2)
    max_combinations: int = option(1_000_000, "Where an event has more combinations of its leaves, fewer children are tried.", ge=1)
    keep_partial: bool = option(False, "Keep trees that do not reach the root's mass; else their leaves are background.")

    @model_validator(mode="before")
    @classmethod
    def _older(cls, values: Any) -> Any:
        return without_default_width(values, 0.015)


def without_default_width(values: Any, default: float) -> Any:
    """Return the options of models up to version 0.2, which have all of them, without a width that nobody had set."""
    older = isinstance(values, dict) and {"masses", "width", "floor"} <= set(values) and "root_mass" not in values
    if older and values["width"] == default and not values["masses"]:
        return {**values, "width": None}
    return values
