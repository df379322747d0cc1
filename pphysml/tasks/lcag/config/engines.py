"""Options of the engines without weights."""

from __future__ import annotations

from typing import Literal

from ....config import Config, option


class MasslineConfig(Config):
    """The classical engine that looks for sets of leaves on known masses."""

    masses: list[float] = option(list, "Known masses; empty takes those of the simulation.", "GeV")
    width: float = option(1e-3, "Resolution of a leaf's momentum, relative.", "", gt=0)
    floor: float = option(1e-4, "Smallest resolution of a mass.", "GeV", gt=0)
    background: float = option(0.1, "Prior probability of a leaf to belong to no tree; for data.forest only.", "", gt=0, lt=1)
    at_rest: bool = option(False, "The decaying particles are at rest; for data.forest only.")
    outliers: float = option(0.0, "Probability that a node's mass is not what it should be, for wrong hypotheses of leaves.", "", ge=0, lt=1)
    node: float = option(0.0, "Added to the score of every node: above 0 favours trees of many nodes.")


class CombinerConfig(Config):
    """The classical engine that merges combinations on known masses, best first; for data.forest only."""

    masses: list[float] = option(list, "Known masses besides the root's; empty takes those of the simulation.", "GeV")
    width: float = option(0.015, "Resolution of a leaf's momentum, relative.", "", gt=0)
    floor: float = option(1e-3, "Smallest resolution of a mass.", "GeV", gt=0)
    window: float = option(2.0, "Largest distance from a known mass, in resolutions.", "", gt=0)
    max_angle: float = option(180.0, "Largest angle between a child and its parent; 180 cuts nothing.", "degrees", gt=0, le=180)
    order: Literal["chi2", "score", "leaves", "mass"] = option("score", "What is merged first: the best chi2 or likelihood ratio, the fewest leaves or the smallest known mass (of equals, the best likelihood ratio).")
    max_children: int = option(5, "Most children of a node.", ge=2)
    max_combinations: int = option(1_000_000, "Where an event has more combinations of its leaves, fewer children are tried.", ge=1)
    keep_partial: bool = option(False, "Keep trees that do not reach the root's mass; else their leaves are background.")
