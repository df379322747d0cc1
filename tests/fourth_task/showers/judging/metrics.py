"""How many showers are recognised."""

from __future__ import annotations

import numpy as np

from pphysml.evaluation.result import Evaluation, Metric
from pphysml.evaluation.uncertainty import wilson
from pphysml.io.ragged import Columns

from ..config import ShowersConfig


class ShowersEvaluator:
    """Counts over chunks; see `contract.Evaluator`."""

    def __init__(self, config: ShowersConfig, engine: str) -> None:
        self.classes, self.engine = config.data.classes, engine
        self.right = self.n = 0

    def update(self, examples: Columns, predictions: Columns) -> None:
        """Add showers."""
        scores = np.stack([np.asarray(predictions[f"score_{name}"]) for name in self.classes])
        self.right += int((scores.argmax(0) == np.asarray(examples["kind"])).sum())
        self.n += len(scores.T)

    def result(self) -> Evaluation:
        """Return the share of showers whose largest score is that of their class."""
        share = wilson(self.right, self.n)
        metric = Metric("accuracy", float(share.value), float(share.low), float(share.high), self.n, f"Right classes over showers, of {self.engine}.")
        return Evaluation(metrics=[metric])
