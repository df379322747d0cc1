"""What the training loop knows of the task's networks."""

from __future__ import annotations

from ...contract import Learner
from .config import PetConfig
from .models.pairs.learner import PairLearner
from .models.spiking.coincidence_learner import CoincidenceLearner
from .models.spiking.published_learner import PublishedLearner


def pet_learner(config: PetConfig) -> Learner:
    """Return the learner of the network `model.name`."""
    if config.model.name == "coincidence":
        return CoincidenceLearner(config)
    return PublishedLearner(config) if config.model.name == "published" else PairLearner(config)
