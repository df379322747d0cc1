"""The engine that takes a score which the file has."""

from __future__ import annotations

import numpy as np

from ....contract import Engine
from ....errors import ConfigError
from ....io.ragged import Columns
from ..config import JetsConfig
from ..reading.values import values_of
from ..schema import PREFIX


class BranchEngine(Engine):
    """An existing score as that of the one signal; see `contract.Engine`.

    Raises:
        ConfigError: there are several signals.
    """

    def __init__(self, config: JetsConfig) -> None:
        if len(config.data.signals) > 1:
            raise ConfigError(f"An existing score is of one signal, and data.classes has {', '.join(config.data.signals)}: name more of them in data.background.")
        assert config.apply.score is not None
        self.score = config.apply.score
        self.signal = config.data.signals[0]
        self.unknown = 0

    def __call__(self, examples: Columns) -> Columns:
        """Return the score of all jets; what is not finite is the lowest."""
        values = values_of([self.score], examples)[:, 0]
        finite = np.isfinite(values)
        self.unknown += int((~finite).sum())
        lowest = np.finfo(np.float32).min
        return {f"{PREFIX}disc_{self.signal}": np.where(finite, values, lowest).astype(np.float32)}

    @property
    def warnings(self) -> list[str]:
        """How many jets have no finite score."""
        return [f"{self.unknown} jets have no finite value of {self.score}, and get the lowest one"] if self.unknown else []
