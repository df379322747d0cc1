"""Options of the spiking networks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field as Limits

from ....config import Config, option
from .quantities import Picoseconds

LossName = Literal["count", "published_timing", "van_rossum", "chamfer"]


class CoincidenceConfig(Config):
    """The network of coincidence neurons, see `models.spiking.coincidence.CoincidenceNetwork`; all of it is where the training begins."""

    tau: Picoseconds = option(3000.0, "Time constant of the membranes, about as long as the times of true pairs differ; a step of the training moves delays by the learning rate times this.", "ps", gt=0)
    window: float = option(1.0, "Largest time difference at which a neuron fires, in time constants; the training makes it a sum of what a line's transaxial step and its rings give.", ge=0)
    sharpness: float = option(10.0, "Logit of a spike per membrane above the threshold.", gt=0)


class PublishedConfig(Config):
    """The network of arXiv:2504.06730: an input and an output for every crystal, in bins of time."""

    hidden: list[Annotated[int, Limits(ge=1, le=65536)]] = option(lambda: [240], "Neurons of each hidden layer.")
    beta: float = option(0.95, "Decay of membranes per bin, before the training.", gt=0, le=1)
    learn_beta: bool = option(True, "Whether it is trained, as published; it may reach 1 then, where neurons forget nothing.")
    bin_time: Picoseconds = option(1000.0, "Length of a bin.", "ps", gt=0)
    geometry: bool = option(False, "As many inputs again, for the crystals that may be partners of those that were hit; pairs of others are not taken then.")
    spread: int = option(2, "How far such a partner may be from the opposite crystal, in crystals and in rings.", ge=0, le=1000)
    latency: int = option(0, "Bins after the second single of a pair at which both crystals are to spike.", ge=0)
    tolerance: int = option(5, "Largest difference of the output spikes of a pair, in bins.", ge=0)
    loss: LossName = option("van_rossum", "Loss: of counts of spikes, with the published timing (which has no gradient), or with a distance of spike trains.")
    timing_weight: float = option(1.0, "Weight of the timing in the loss.", ge=0)
    loss_tau: float = option(20.0, "Time constant of the distances in the loss, in bins.", gt=0)
    loss_cap: float = option(20.0, "Distance in time beyond which the chamfer distance does not grow, in bins.", gt=0)
    weight_gain: float = option(2.0, "Initial weights over torch's: with these neurons spike from the start.", gt=0)
    bias_gain: float = option(0.3, "Initial biases over torch's: large ones make neurons spike without input.", ge=0)
