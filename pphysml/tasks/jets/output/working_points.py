"""Which jets pass working points, by a file of these."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .... import plain_yaml
from ....errors import ConfigError, did_you_mean
from ....evaluation.working_point_files import from_yaml
from ....evaluation.working_points import WorkingPoints
from ....io.ragged import Array, Columns
from ..config import JetsConfig
from ..reading.values import values_of
from ..schema import PREFIX

SCORE = "score"
"""Key of a file that says which score the thresholds are of."""


@dataclass(frozen=True)
class Chosen:
    """Working points of one score.

    Attributes:
        score: name of its column, without prefix.
        points: with thresholds.
        path: of the file, for errors.
    """

    score: str
    points: WorkingPoints
    path: str

    @classmethod
    def read(cls, path: str) -> Chosen:
        """Read a file that `evaluate` wrote.

        Raises:
            ConfigError: it cannot be read, or is something else.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: cannot be read ({type(error).__name__}).") from None
        points, _ = from_yaml(text, path)
        score = plain_yaml.parse(text, path).get(SCORE)
        if not isinstance(score, str):
            raise ConfigError(f"{path}: does not say of which score its thresholds are (key {SCORE!r}).")
        return cls(score, points, path)

    @property
    def names(self) -> list[str]:
        """Names of the columns that say which jets pass, without prefix."""
        return [f"pass_{name}" for name in self.points.points]

    def passed(self, columns: Columns, examples: Columns, config: JetsConfig) -> Columns:
        """Return the columns that say which jets pass.

        Raises:
            ConfigError: there is no such score, or thresholds depend on another variable than apply.binned_in.
        """
        column = PREFIX + self.score
        if column not in columns:
            scores = [name.removeprefix(PREFIX) for name in columns]
            raise ConfigError(f"{self.path}: its thresholds are of the score {self.score!r}, which the engine does not give.{did_you_mean(self.score, scores)}")
        values: Array | None = None
        if self.points.binning is not None:
            values = values_of([self.points.binning.variable], examples)[:, 0]
        return {f"{PREFIX}pass_{name}": np.asarray(self.points.passed(name, np.asarray(columns[column]), values)) for name in self.points.points}


def with_score(score: str, text: str) -> str:
    """Return the text of a file of working points that says of which score they are."""
    return f"{SCORE}: {score}\n{text}"
