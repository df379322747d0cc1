"""What the training loop knows of the task's networks."""

from __future__ import annotations

from ...contract import Learner
from .config import PetConfig
from .models.pairs.learner import PairLearner
from .models.spiking.coincidence_learner import CoincidenceLearner


def pet_learner(config: PetConfig) -> Learner:
    """Return the learner of the network `model.name`; snntorch is imported for those networks only that are written with it."""
    if config.model.in_bins:
        from .models.spiking.published_learner import PublishedLearner

        return PublishedLearner(config)
    return CoincidenceLearner(config) if config.model.name == "coincidence" else PairLearner(config)
